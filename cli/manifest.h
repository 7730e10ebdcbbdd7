// Documents from files, folders, URLs and standard input (-f).
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/kinds.h"

namespace skiff::cli {

// One object of a manifest, and where it belongs.
struct ManifestObject {
  std::string source;  // "web.yaml", "STDIN"
  Json object;
  ServedKind kind;
  ObjectKey key;
  bool namespace_filled_in = false;
};

struct FileFlags {
  std::vector<std::string> filenames;
  std::string kustomize;
  bool recursive = false;
  bool validates = false;  // The verb has documents validated, by what the server tells of kinds.
  void AddTo(Command& command, const char* letter = "f");
  bool empty() const { return filenames.empty() && kustomize.empty(); }
};

// In order; lists are taken apart. The namespace of the session is filled in where an object that
// lives in one has none. Fails on the first file that cannot be read; objects that fit no kind are
// reported to the command and left out.
Result<std::vector<ManifestObject>> ReadManifests(Command& command, const FileFlags& files);

// Why a document is no object of any kind, in kubectl's words; "" where it may be one.
std::string WhyNoObject(const Json& document);

// A document with the kind that it says it is, and the session's namespace where it has none.
// `source` is what its errors call it.
Result<ManifestObject> PlaceObject(Session& session, const std::string& source, Json object);

// Leaves out what the label selector (-l) does not match. "" matches all.
Result<> KeepSelected(const std::string& selector, std::vector<ManifestObject>& objects);

}  // namespace skiff::cli
