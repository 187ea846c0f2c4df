"""What other slices and edges may ask of the registry. No command commits: the boundary does."""

from regista.registry.aliases import UNCHECKED, AliasMove, remove_alias, set_alias
from regista.registry.catalogue import artifacts_by_ids
from regista.registry.commits import Uploaded, commit_artifact, uploaded_manifests
from regista.registry.containers import (
    Wanted,
    create_collection,
    delete_collection,
    ensure_collection,
    list_collections,
    remove_collection_tag,
    set_collection_tag,
    update_collection,
)
from regista.registry.finding import collection_by_path, resolve_version, split_version
from regista.registry.links import Linked, Sent, link, unlink
from regista.registry.scopes import ScopeRef, scope_name, scope_of
from regista.registry.tags import remove_tag, set_tag
from regista.registry.uploads import (
    Announced,
    NewArtifact,
    announce_manifest,
    change_manifest,
    create_artifact,
    held_content,
    read_artifact,
    record_blob,
    record_manifest,
)
from regista.registry.versions import (
    delete_version,
    download_file,
    list_files,
    list_versions,
    update_version,
    use_version,
    version_lineage,
)

__all__ = [
    "UNCHECKED",
    "AliasMove",
    "Announced",
    "Linked",
    "NewArtifact",
    "ScopeRef",
    "Sent",
    "Uploaded",
    "Wanted",
    "announce_manifest",
    "artifacts_by_ids",
    "change_manifest",
    "collection_by_path",
    "commit_artifact",
    "create_artifact",
    "create_collection",
    "delete_collection",
    "delete_version",
    "download_file",
    "ensure_collection",
    "held_content",
    "link",
    "list_collections",
    "list_files",
    "list_versions",
    "read_artifact",
    "record_blob",
    "record_manifest",
    "remove_alias",
    "remove_collection_tag",
    "remove_tag",
    "resolve_version",
    "scope_name",
    "scope_of",
    "set_alias",
    "set_collection_tag",
    "set_tag",
    "split_version",
    "unlink",
    "update_collection",
    "update_version",
    "uploaded_manifests",
    "use_version",
    "version_lineage",
]
