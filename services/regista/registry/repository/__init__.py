"""All SQL of the registry, one module a subject. Texts are built once; the hot ones run prepared on asyncpg."""
