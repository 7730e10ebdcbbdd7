// One form for each thing that a compose file may write in several, so that files can be merged and
// converted without asking which one it was:
//
//   lists of NAME=value            -> maps           (environment, labels, sysctls, ...)
//   ports: ["8080:80"]             -> [{published: "8080", target: "80"}]
//   volumes: ["data:/d:ro"]        -> [{type: volume, source: data, target: /d, read_only: true}]
//   depends_on: [db]               -> {db: {condition: service_started}}
//   networks: [front]              -> {front: null}
//   env_file, configs, secrets, include, extends: "x"  -> what they stand for
//
// Paths become absolute, and variables that a service takes over from us get their values.
#pragma once

#include <string>

#include "cli/compose/interpolate.h"
#include "cli/compose/mistakes.h"
#include "cli/compose/node.h"

namespace skiff::cli::compose {

struct Surroundings {
  std::string directory;  // What relative paths begin at; absolute.
  std::string home;       // What "~" is.
  Lookup lookup;
};

// The mark of the `content` of a config or secret that is made from its variable.
inline constexpr char kMade[] = "made";

// `directory`/`path`, unless it is absolute already.
std::string AbsolutePath(const Surroundings& around, const std::string& path);

// Of a file that has its shape (schema.h). What means nothing is told of, and taken out.
void MakeCanonical(Node& file, const Surroundings& around, Mistakes& wrong);

}  // namespace skiff::cli::compose
