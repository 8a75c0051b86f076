"""Checks the manifests in k8s/; see check-manifests.sh, which runs this from the project's folder."""

import pathlib
import sys

import kubernetes_validate
import yaml

# What the agent asks of the API: list of what it discovers, get of its ConfigMap and of named secrets.
CLUSTER_RIGHTS = {
    ("", "namespaces", "list"),
    ("", "services", "list"),
    ("", "pods", "list"),
    ("", "endpoints", "list"),
    ("discovery.k8s.io", "endpointslices", "list"),
    ("/metrics", "", "get"),
}
OWN_RIGHTS = {("", "configmaps", "get"), ("", "secrets", "get")}
WORKLOADS = {"Deployment", "DaemonSet", "StatefulSet"}

faults = []


def fault(where, what):
    faults.append(f"{where}: {what}")


def objects():
    for path in sorted(pathlib.Path("k8s").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document is not None:
                yield f"{path}: {document['kind']} {document['metadata']['name']}", document


def versions(asked):
    minors = {".".join(version.split(".")[:2]) for version in kubernetes_validate.utils.all_versions()}
    known = sorted(minors, key=lambda version: [int(part) for part in version.split(".")])
    unknown = [version for version in asked if version not in known]
    if unknown:
        sys.exit(f"check-manifests: no schemas of {', '.join(unknown)}; there are {', '.join(known)}")
    # endpointslices of discovery.k8s.io/v1 came with 1.21
    fit = [version for version in known if [int(part) for part in version.split(".")] >= [1, 21]]
    return asked or list(dict.fromkeys([fit[0], fit[len(fit) // 2], fit[-1]]))


def check_schema(where, document, version):
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except Exception as error:  # each kind of error of the package is a fault of the manifest
        fault(where, f"against Kubernetes {version}: {error}")


def rights(role):
    for rule in role["rules"]:
        for verb in rule["verbs"]:
            for url in rule.get("nonResourceURLs", []):
                yield (url, "", verb)
            for group in rule.get("apiGroups", []):
                for resource in rule.get("resources", []):
                    yield (group, resource, verb)


def check_rights(where, role, wanted):
    found = set(rights(role))
    if found != wanted:
        fault(where, f"grants {sorted(found - wanted)} too much, {sorted(wanted - found)} too little")
    for rule in role["rules"]:
        by_name = {"secrets", "configmaps"} & set(rule.get("resources", []))
        if by_name and not rule.get("resourceNames"):
            fault(where, f"grants every one of {sorted(by_name)}; name them in resourceNames")


def check_workload(where, workload):
    pod = workload["spec"]["template"]["spec"]
    container = pod["containers"][0]
    own, whole = container["securityContext"], pod["securityContext"]
    wanted = [
        (workload["spec"]["selector"]["matchLabels"] == {"app": "whatap-open-agent"}, "the label app"),
        (pod["serviceAccountName"] == "whatap-open-agent", "the service account"),
        (whole["runAsNonRoot"] is True and whole["runAsUser"] == 1001, "uid 1001, not root"),
        (whole["seccompProfile"]["type"] == "RuntimeDefault", "seccomp RuntimeDefault"),
        (own["readOnlyRootFilesystem"] is True, "a read-only root"),
        (own["allowPrivilegeEscalation"] is False, "no escalation of privileges"),
        (own["capabilities"] == {"drop": ["ALL"]}, "no capabilities"),
        (set(container["resources"]["limits"]) == {"cpu", "memory"}, "limits of CPU and memory"),
        (all(probe in container for probe in ("startupProbe", "livenessProbe", "readinessProbe")), "three probes"),
        (any(mount["mountPath"] == "/app/logs" for mount in container["volumeMounts"]), "logs that can be written"),
        (pod["terminationGracePeriodSeconds"] > 15, "time to send what is queued: 5 s of scrapes, 10 s of sending"),
    ]
    for holds, what in wanted:
        if not holds:
            fault(where, f"has not {what}")
    env = {entry["name"]: entry for entry in container["env"]}
    if workload["kind"] == "StatefulSet" and env["cluster_members"]["value"] != str(workload["spec"]["replicas"]):
        fault(where, "cluster_members is not the number of replicas")
    if workload["kind"] == "DaemonSet" and env["node_local"]["value"] != "true":
        fault(where, "node_local is not true")


def main():
    chosen = versions(sys.argv[1:])
    count = 0
    for where, document in objects():
        count += 1
        before = len(faults)
        for version in chosen:
            check_schema(where, document, version)
        if len(faults) > before:
            continue  # what is no such object cannot be looked into
        if document["kind"] == "ClusterRole":
            check_rights(where, document, CLUSTER_RIGHTS)
        elif document["kind"] == "Role":
            check_rights(where, document, OWN_RIGHTS)
        elif document["kind"] in WORKLOADS:
            check_workload(where, document)
    if faults:
        sys.exit("\n".join(faults))
    print(f"{count} objects in k8s/ are right for Kubernetes {', '.join(chosen)}")


main()
