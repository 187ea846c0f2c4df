"""The registry's errors.

RegistaError
├── NotFoundError
│   └── ScopeNotFoundError        404
├── ConflictError
│   ├── CollectionExistsError     409
│   ├── RegistryExistsError       409
│   ├── TypeInUseError            409  a registry holds artifacts of a type that it is to accept no longer
│   ├── TypeNotAcceptedError      409  a registry does not accept artifacts of this type
│   ├── VersionMismatchError      409  an alias is not where the caller expects it
│   ├── TypeMismatchError         409  a collection holds one type of artifact
│   ├── KindMismatchError         409  linking into a source collection, unlinking from one
│   ├── HeldError                 409  a version still has aliases, a collection still has versions
│   ├── IncompleteUploadError     409  files of the manifest have not arrived
│   └── ManifestChangedError      409  another manifest was announced while the artifact was committed
└── InvalidError
    └── InvalidNameError          422
"""

from regista.kit.errors import ConflictError, InvalidError, NotFoundError


class ScopeNotFoundError(NotFoundError):
    """A scope names what does not exist."""

    code = "scope_not_found"


class CollectionExistsError(ConflictError):
    """A collection of the project has the name already."""

    code = "collection_exists"


class RegistryExistsError(ConflictError):
    """A registry of the organization has the name already."""

    code = "registry_exists"


class TypeInUseError(ConflictError):
    """A registry holds artifacts of a type that it is to accept no longer; ``details["types"]`` names them."""

    code = "type_in_use"


class TypeNotAcceptedError(ConflictError):
    """A registry accepts other types of artifacts; ``details["accepted"]`` names them."""

    code = "type_not_accepted"


class VersionMismatchError(ConflictError):
    """An alias is not on the version that the caller expects; ``details["actual"]`` is the one it is on, or None."""

    code = "version_mismatch"


class TypeMismatchError(ConflictError):
    """A collection holds artifacts of one type alone."""

    code = "type_mismatch"


class KindMismatchError(ConflictError):
    """Versions are logged to sequences and linked into portfolios, not the other way round."""

    code = "kind_mismatch"


class HeldError(ConflictError):
    """Something still refers to what is to be deleted; ``details`` say what."""

    code = "held"


class IncompleteUploadError(ConflictError):
    """Files of the manifest have not arrived; ``details["missing"]`` names up to 20 of them."""

    code = "incomplete_upload"


class ManifestChangedError(ConflictError):
    """Another manifest was announced after those that a commit has read; it reads them again."""

    code = "manifest_changed"


class InvalidNameError(InvalidError):
    """A name, alias, tag or path that the registry does not take."""

    code = "invalid_name"
