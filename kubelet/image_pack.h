// Packs files into an image archive, without a registry or a daemon.
//
//   TRY(PackImage({.names = {"skiff.local/pause:3.10"},
//                  .files = {{.path = "pause", .mode = 0755, .content = binary}},
//                  .entrypoint = {"/pause"}}));
#pragma once

#include <cstdint>
#include <map>
#include <string>
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

}  // namespace skiff
