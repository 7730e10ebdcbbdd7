#!/usr/bin/env python3
"""What oci_archive.py makes of a small layer: each blob is what its digest says, the settings are the Dockerfile's, and
the same layer gives the same bytes.

  oci_archive_test.py
"""
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.join(here, "..", "..")


def pack(work, name):
    out = os.path.join(work, name)
    subprocess.run([sys.executable, os.path.join(here, "oci_archive.py"), os.path.join(work, "layer.tar"),
                    "skiff:7", os.path.join(root, "Dockerfile"), out], check=True)
    return open(out, "rb").read()


with tempfile.TemporaryDirectory() as work:
    with tarfile.open(os.path.join(work, "layer.tar"), "w") as layer:
        entry = tarfile.TarInfo("hello")
        entry.size = 5
        layer.addfile(entry, io.BytesIO(b"world"))
    layer = open(os.path.join(work, "layer.tar"), "rb").read()
    first = pack(work, "first.tar")
    assert first == pack(work, "second.tar"), "not the same bytes"
    files = {}
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        for entry in archive:
            files[entry.name] = archive.extractfile(entry).read()
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}

    def blob(descriptor):
        content = files["blobs/" + descriptor["digest"].replace(":", "/")]
        assert "sha256:" + hashlib.sha256(content).hexdigest() == descriptor["digest"], descriptor
        assert len(content) == descriptor["size"], descriptor
        return content

    index = json.loads(files["index.json"])["manifests"][0]
    assert index["annotations"] == {"io.containerd.image.name": "docker.io/library/skiff:7",
                                    "org.opencontainers.image.ref.name": "7"}
    manifest = json.loads(blob(index))
    assert gzip.decompress(blob(manifest["layers"][0])) == layer
    config = json.loads(blob(manifest["config"]))
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer).hexdigest()]
    assert config["config"]["Entrypoint"] == ["/usr/local/bin/skiff"], config
    assert config["config"]["Cmd"] == ["up"], config
    assert config["config"]["Volumes"] == {"/var/lib/skiff": {}}, config
    assert "SKIFF_FOREGROUND=true" in config["config"]["Env"], config
    # Where the archive cannot be put is told before anything is made; a path is one of who typed it.
    if os.getuid() == 0:
        said = subprocess.run([os.path.join(here, "oci.sh"), "gone/x.tar"], cwd=work, capture_output=True, text=True)
        assert said.returncode == 1 and f"no folder {os.path.realpath(work)}/gone" in said.stderr, said
    docker = json.loads(files["manifest.json"])[0]
    assert docker["RepoTags"] == ["skiff:7"] and docker["Config"] in files and docker["Layers"][0] in files
print("The archive is what it says.")
