// Image archives as others write them: what `docker save` makes, old and new, and the OCI layout.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace skiff {

// What the OCI calls an archive's parts, and under which keys its index names an image.
inline constexpr char kOciIndex[] = "application/vnd.oci.image.index.v1+json";
inline constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kContainerdName[] = "io.containerd.image.name";
inline constexpr char kOciRefName[] = "org.opencontainers.image.ref.name";

// One blob of an image that was found in an archive.
struct ArchivedBlob {
  std::string digest;  // "sha256:..."
  std::string media_type;
  std::string content;  // Of manifests and configs; of layers empty:
  uint64_t offset = 0;  // their bytes lie here in the archive.
  uint64_t size = 0;
};

struct ArchivedImage {
  std::vector<std::string> names;  // In full.
  ArchivedBlob manifest;
  ArchivedBlob config;
  std::vector<ArchivedBlob> layers;  // Lowest first.
};

// Every image for this machine's architecture in the archive that `file` is open on. Errors:
// kBadRequest for what is no image archive, is compressed, or lacks a part; digests are checked
// against what they name.
Result<std::vector<ArchivedImage>> ReadImageArchive(int file);

// "sha256:<hex>" of `bytes`.
std::string DigestOf(std::string_view bytes);
// Where an OCI layout has the blob of a digest.
std::string BlobPath(const std::string& digest);
// amd64, arm64, ...: as images name the machine this program was built for.
std::string_view ImageArchitecture();

}  // namespace skiff
