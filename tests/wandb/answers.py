"""What the W&B server of a test was told, and its answer to each operation of GraphQL."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

ENTITY = "tester"


@dataclass
class StoredRun:
    """What the server was told of one run. `exits`: the exit code of each time that it was finished."""

    name: str
    display_name: str = ""
    tags: list[str] = field(default_factory=list)
    upserts: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    exits: list[int] = field(default_factory=list)
    resumes: int = 0


class Answers:
    """One method an operation, named as it is; `url`: where the server can be reached."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.runs: dict[str, StoredRun] = {}
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.artifact_files: dict[str, bytes] = {}
        self.reports: list[dict[str, Any]] = []
        self.sweeps: list[dict[str, Any]] = []

    # Runs, their files and their artifacts

    def Viewer(self, _: dict[str, Any]) -> Any:
        viewer = {"id": "1", "entity": ENTITY, "username": ENTITY, "email": "", "flags": "{}", "teams": {"edges": []}}
        return {"viewer": viewer}

    def ServerFeaturesQuery(self, _: dict[str, Any]) -> Any:
        return {"serverInfo": {"features": []}}

    def RunResumeStatus(self, given: dict[str, Any]) -> Any:
        run = self.runs.get(given["name"])
        bucket = None
        if run is not None:
            run.resumes += 1
            bucket = {
                "id": run.name,
                "name": run.name,
                "displayName": run.display_name,
                "summaryMetrics": json.dumps(run.summary),
                "logLineCount": 0,
                "historyLineCount": len(run.history),
                "eventsLineCount": 0,
                "historyTail": json.dumps([json.dumps(row) for row in run.history[-1:]]),
                "eventsTail": "[]",
                "config": json.dumps(run.config),
                "tags": run.tags,
                "notes": None,
                "wandbConfig": json.dumps({"t": {}}),
            }
        return {"model": {"id": "p", "name": given["project"], "entity": _entity(), "bucket": bucket}}

    def UpsertBucket(self, given: dict[str, Any]) -> Any:
        new = given["name"] not in self.runs
        run = self.runs.setdefault(given["name"], StoredRun(given["name"]))
        run.upserts.append(given)
        run.display_name = given.get("displayName") or run.display_name
        run.tags = given.get("tags") or run.tags
        if given.get("config"):
            run.config |= json.loads(given["config"])
        bucket = {
            "id": run.name,
            "name": run.name,
            "displayName": run.display_name,
            "description": None,
            "config": json.dumps(run.config),
            "sweepName": None,
            "project": {"id": "p", "name": given["project"], "entity": _entity()},
            "historyLineCount": len(run.history),
        }
        return {"upsertBucket": {"bucket": bucket, "inserted": new}}

    def CreateRunFiles(self, given: dict[str, Any]) -> Any:
        files = [{"name": n, "uploadUrl": f"{self.url}/upload/run/{given['run']}/{n}"} for n in given["files"]]
        return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}

    def ArtifactType(self, _: dict[str, Any]) -> Any:
        return {"project": None}

    def CreateArtifact(self, given: dict[str, Any]) -> Any:
        wanted = given["input"]
        name = f"artifact-{len(self.artifacts)}"
        self.artifacts[name] = wanted | {"state": "PENDING"}
        return {
            "createArtifact": {
                "artifact": {"id": name, "state": "PENDING", "artifactSequence": {"id": "s", "latestArtifact": None}}
            }
        }

    def CreateArtifactManifest(self, given: dict[str, Any]) -> Any:
        manifest = {"id": f"manifest-{given['artifactID']}", "file": self._manifest(given["artifactID"])}
        return {"createArtifactManifest": {"artifactManifest": manifest}}

    def UpdateArtifactManifest(self, given: dict[str, Any]) -> Any:
        name = given["artifactManifestID"]
        manifest = {"id": name, "file": self._manifest(name.removeprefix("manifest-"))}
        return {"updateArtifactManifest": {"artifactManifest": manifest}}

    def _manifest(self, artifact: str) -> Any:
        url = f"{self.url}/upload/artifact/{artifact}/manifest"
        return {"id": "m", "name": "manifest", "displayName": "", "uploadUrl": url, "uploadHeaders": []}

    def CreateArtifactFiles(self, given: dict[str, Any]) -> Any:
        edges = []
        for file in given["input"]["artifactFiles"]:
            path = f"{file['artifactID']}/{file['name']}"
            node = {
                "id": path,
                "name": file["name"],
                "displayName": file["name"],
                "storagePath": path,
                "uploadUrl": f"{self.url}/upload/artifact/{path}",
                "uploadHeaders": [],
                "uploadMultipartUrls": None,
                "artifact": {"id": file["artifactID"]},
            }
            edges.append({"node": node})
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def CommitArtifact(self, given: dict[str, Any]) -> Any:
        self.artifacts[given["artifactID"]]["state"] = "COMMITTED"
        return {"commitArtifact": {"artifact": {"id": given["artifactID"], "digest": "d"}}}

    # The public API, by which reports and sweeps are made

    def GetDefaultEntity(self, _: dict[str, Any]) -> Any:
        return {"viewer": {"id": "1", "entity": ENTITY}}

    def GetProjects(self, given: dict[str, Any]) -> Any:
        names = {run.upserts[0]["project"] for run in self.runs.values() if run.upserts}
        user = {"__typename": "User", "id": "1", "name": ENTITY, "username": ENTITY, "email": "", "admin": False}
        user |= {"flags": "{}", "entity": ENTITY, "deletedAt": None, "apiKeys": None, "teams": None}
        nodes = [
            {"__typename": "Project", "id": name, "name": name, "entityName": given["entity"], "user": user}
            | {"createdAt": "2026-01-01T00:00:00Z", "isBenchmark": False}
            for name in sorted(names)
        ]
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        return {"models": {"pageInfo": page, "edges": [{"node": node} for node in nodes]}}

    def ProjectInternalId(self, given: dict[str, Any]) -> Any:
        return {"project": {"id": "p", "internalId": f"internal-{given['projectName']}"}}

    def Run(self, given: dict[str, Any]) -> Any:
        run = self.runs.get(given["name"])
        if run is None or given["project"] != run.upserts[0]["project"]:
            return {"project": {"run": None}}
        told = {
            "id": run.name,
            "name": run.name,
            "displayName": run.display_name,
            "tags": run.tags,
            "state": "finished",
        }
        told |= {"projectId": 1, "sweepName": None, "group": None, "jobType": None, "commit": None, "readOnly": False}
        told |= {"createdAt": "2026-01-01T00:00:00Z", "heartbeatAt": "2026-01-01T00:00:00Z", "description": None}
        told |= {"notes": None, "historyLineCount": len(run.history), "user": {"name": ENTITY, "username": ENTITY}}
        told |= {"config": json.dumps(run.config), "systemMetrics": "{}", "summaryMetrics": json.dumps(run.summary)}
        return {"project": {"run": told}}

    def UpsertView(self, given: dict[str, Any]) -> Any:
        """A report; its spec is a JSON text of blocks."""
        self.reports.append(given)
        view = {"id": f"report{len(self.reports)}", "type": given["type"], "name": given["name"]}
        view |= {"displayName": given["displayName"], "description": given["description"], "spec": given["spec"]}
        view |= {"project": {"id": "p", "name": given["projectName"], "entityName": given["entityName"]}}
        return {"upsertView": {"view": view | {"updatedAt": "2026-01-01T00:00:00Z"}, "inserted": True}}

    def UpsertSweep(self, given: dict[str, Any]) -> Any:
        self.sweeps.append(given)
        project = {"id": "p", "name": given["projectName"], "entity": _entity()}
        return {"upsertSweep": {"sweep": {"name": "sweep1", "project": project}, "configValidationWarnings": []}}


def _entity() -> dict[str, str]:
    return {"id": "e", "name": ENTITY}
