#!/usr/bin/env python3
"""Puts one layer into an OCI archive, with the settings of a Dockerfile's last stage.

  oci_archive.py LAYER.tar NAME:TAG DOCKERFILE OUT.tar
"""
import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import sys
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def settings(dockerfile):
    """What a container is started with: the lines behind the last FROM."""
    lines = open(dockerfile).read().replace("\\\n", " ").splitlines()
    last = max(i for i, line in enumerate(lines) if line.startswith("FROM "))
    config = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
    for line in lines[last + 1:]:
        word, _, rest = line.partition(" ")
        if word == "ENV":
            config["Env"].append(rest)
        elif word == "EXPOSE":
            config["ExposedPorts"] = {f"{rest}/tcp": {}}
        elif word == "VOLUME":
            config["Volumes"] = {rest: {}}
        elif word in ("ENTRYPOINT", "CMD"):
            config[{"ENTRYPOINT": "Entrypoint", "CMD": "Cmd"}[word]] = json.loads(rest)
        elif word not in ("", "#", "COPY"):
            sys.exit(f"{dockerfile}: {word} is not known here")
    return config


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return "sha256:" + digest.hexdigest()


def main(layer, name, dockerfile, out):
    compressed = layer + ".gz"
    with open(layer, "rb") as source, open(compressed, "wb") as target, \
            gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0) as packed:
        shutil.copyfileobj(source, packed, 1 << 20)
    unfinished = out + ".new"
    with tarfile.open(unfinished, "w", format=tarfile.USTAR_FORMAT) as archive:
        def add(path, content):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))

        def blob(media_type, content):
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            add("blobs/" + digest.replace(":", "/"), content)
            return {"mediaType": media_type, "digest": digest, "size": len(content)}

        kind = "application/vnd.oci.image"
        packed_layer = {"mediaType": f"{kind}.layer.v1.tar+gzip", "digest": digest_of(compressed),
                        "size": os.path.getsize(compressed)}
        entry = tarfile.TarInfo("blobs/" + packed_layer["digest"].replace(":", "/"))
        entry.size = packed_layer["size"]
        with open(compressed, "rb") as content:
            archive.addfile(entry, content)
        config = blob(f"{kind}.config.v1+json", json.dumps({
            "architecture": ARCHITECTURES[platform.machine()], "os": "linux",
            "config": settings(dockerfile),
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]}}).encode())
        manifest = blob(f"{kind}.manifest.v1+json", json.dumps({
            "schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json", "config": config,
            "layers": [packed_layer]}).encode())
        full = name if "." in name.split("/")[0] else "docker.io/library/" + name
        manifest["annotations"] = {"io.containerd.image.name": full,
                                   "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
        add("index.json", json.dumps({"schemaVersion": 2, "mediaType": f"{kind}.index.v1+json",
                                      "manifests": [manifest]}).encode())
        add("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        # For engines that read no layout.
        add("manifest.json", json.dumps([{
            "Config": "blobs/" + config["digest"].replace(":", "/"), "RepoTags": [name],
            "Layers": ["blobs/" + packed_layer["digest"].replace(":", "/")]}]).encode())
    os.replace(unfinished, out)


main(*sys.argv[1:])
