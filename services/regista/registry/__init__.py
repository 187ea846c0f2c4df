"""The system of record: registries, collections, versions, aliases, tags, links, lineage, and the content behind them.

Every command locks its collections' aggregates in id order, then reads, authorizes, decides, writes, and appends its
events: of two that race, the second sees what the first committed. A registry is a project whose members have roles; it
and its project change together, under the locks of both. Content is stored before the commit that refers to it
and never overwritten, so a crash leaves at most bytes that nothing refers to.
"""
