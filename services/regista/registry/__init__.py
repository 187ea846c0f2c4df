"""The system of record: collections, versions, aliases, tags, links, lineage, and the content behind them.

Every command locks its collections' aggregates in id order, then reads, authorizes, decides, writes, and appends its
events: of two that race, the second sees what the first committed. Content is stored before the commit that refers to it
and never overwritten, so a crash leaves at most bytes that nothing refers to.
"""
