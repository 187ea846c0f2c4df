"""The columns that make a collection and a version, and the joins they come from."""

COLLECTION = """
       c.id AS c_id, c.aggregate_id AS c_aggregate_id, c.organization_id AS c_organization_id,
       c.entity_id AS c_entity_id, e.name AS c_entity, c.project_id AS c_project_id, p.name AS c_project,
       c.registry_id AS c_registry_id, r.name AS c_registry, c.name AS c_name, c.kind AS c_kind, c.type AS c_type,
       c.description AS c_description, coalesce(c.visibility, p.visibility) AS c_visibility,
       c.next_index AS c_next_index, c.created_at AS c_created_at, c.updated_at AS c_updated_at,
       (SELECT json_object_agg(t.name, t.value ORDER BY t.name) FROM collection_tag t
        WHERE t.collection_id = c.id) AS c_tags
"""
FROM_COLLECTION = """
collection c JOIN project p ON p.id = c.project_id JOIN entity e ON e.id = c.entity_id
LEFT JOIN registry r ON r.id = c.registry_id
"""

# The source path is put together by subqueries, which cost nothing where no row is asked for.
VERSION = """
       m.id AS v_membership_id, m.collection_id AS v_collection_id, m.version_index AS v_index,
       m.artifact_id AS v_artifact_id, a.collection_id AS v_source_collection_id, a.digest AS v_digest,
       a.size AS v_size, a.file_count AS v_file_count, a.metadata AS v_metadata, a.description AS v_description,
       a.ttl_seconds AS v_ttl_seconds, a.created_at AS v_created_at, m.created_at AS v_linked_at,
       a.updated_at AS v_updated_at, m.source_uri AS v_source_uri, m.source_run AS v_source_run,
       (SELECT se.name || '/' || sp.name || '/' || sc.name || ':v' || sm.version_index
        FROM collection sc, project sp, entity se, membership sm
        WHERE sc.id = a.collection_id AND sp.id = sc.project_id AND se.id = sc.entity_id
              AND sm.artifact_id = a.id AND sm.collection_id = sc.id) AS v_source,
       (SELECT re.name || '/' || rp.name || '/runs/' || run.name FROM run, project rp, entity re
        WHERE run.id = a.run_id AND rp.id = run.project_id AND re.id = rp.entity_id) AS v_run,
       ARRAY(SELECT n.name FROM alias n WHERE n.membership_id = m.id ORDER BY n.name) AS v_aliases,
       (SELECT json_object_agg(t.name, t.value ORDER BY t.name) FROM artifact_tag t
        WHERE t.artifact_id = a.id) AS v_artifact_tags,
       (SELECT json_object_agg(t.name, t.value ORDER BY t.name) FROM membership_tag t
        WHERE t.membership_id = m.id) AS v_membership_tags
"""
FROM_VERSION = "membership m JOIN artifact a ON a.id = m.artifact_id"

ARTIFACT = """
       a.id AS a_id, a.state AS a_state, a.digest AS a_digest, a.size AS a_size, a.file_count AS a_file_count,
       a.metadata AS a_metadata, a.description AS a_description, a.ttl_seconds AS a_ttl_seconds,
       a.history_step AS a_history_step, a.run_id AS a_run_id, a.account_id AS a_account_id,
       a.created_at AS a_created_at, a.updated_at AS a_updated_at,
       (SELECT re.name || '/' || rp.name || '/runs/' || run.name FROM run, project rp, entity re
        WHERE run.id = a.run_id AND rp.id = run.project_id AND re.id = rp.entity_id) AS a_run,
       (SELECT json_object_agg(t.name, t.value ORDER BY t.name) FROM artifact_tag t
        WHERE t.artifact_id = a.id) AS a_tags
"""
FROM_ARTIFACT = f"""
artifact a JOIN ({FROM_COLLECTION}) ON c.id = a.collection_id
LEFT JOIN membership m ON m.artifact_id = a.id AND m.collection_id = a.collection_id
"""
