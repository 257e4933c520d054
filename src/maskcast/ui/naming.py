"""Names and colours that a person gives to object ids, in the window and in the browser."""

from __future__ import annotations

from maskcast.errors import AnnotationError
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.types import ObjectSpec


class ObjectNames:
    """Gives names and colours, which the annotation file keeps."""

    def __init__(self, project: ProjectFolder, store: AnnotationStore) -> None:
        """Name the objects of ``project``, whose annotations are in ``store``."""
        self._project = project
        self._store = store
        self._fixed = frozenset(entry.id for entry in project.settings.objects)

    def is_fixed(self, object_id: int) -> bool:
        """Whether ``maskcast.toml`` says what an object is called, which then counts."""
        return object_id in self._fixed

    def give(self, spec: ObjectSpec) -> None:
        """Name and colour an object id; waits for whoever has the annotation file.

        Raises:
            AnnotationError: if another object has that name, or the file cannot be read.
            StorageError: if it cannot be written.
        """
        known = self._project.object_specs((), self._store.read())
        of_name = [key for key, other in known.items() if spec.name and other.name == spec.name]
        if of_name and spec.object_id not in of_name:
            raise AnnotationError(
                f"object {of_name[0]} is called {spec.name} already; give another name"
            )
        self._store.save_spec(spec)
