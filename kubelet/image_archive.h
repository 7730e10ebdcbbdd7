// Image archives: what `docker save` writes and `docker load` reads, and the OCI layout. Packs
// files into one without a registry or a daemon, and reads either kind.
//
//   TRY(PackImage({.names = {"skiff.local/pause:3.10"},
//                  .files = {{.path = "pause", .mode = 0755, .content = binary}},
//                  .entrypoint = {"/pause"}}));
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace skiff {

struct ImageFile {
  std::string path;  // "bin/client"; its folders are made, with mode 0755.
  uint32_t mode = 0644;
  std::string content;
  std::string symlink_to;    // Instead of content.
  std::string hard_link_to;  // The path of an earlier file, instead of content.
  bool folder = false;       // An empty folder.
};

struct ImageSource {
  std::vector<std::string> names;  // Each is filled in as ParseImageName does.
  std::vector<ImageFile> files;
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> environment;    // "A=b"
  std::vector<std::string> exposed_ports;  // "80/tcp"
  std::map<std::string, std::string> labels;
  std::string working_directory;
  std::string user;
  std::string stop_signal;
};

// The bytes of an archive that is both an OCI layout and what `docker load` takes. The same source
// gives the same bytes. Errors: kInvalid for a name.
Result<std::string> PackImage(const ImageSource& source);

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
// amd64, arm64, ...: as images name the machine this program was built for.
std::string_view ImageArchitecture();

}  // namespace skiff
