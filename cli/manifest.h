// Documents from files, folders, URLs and standard input (-f).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/select/selector.h"
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

inline constexpr const char kInputUsedTwice[] =
    "standard input cannot be used for multiple arguments";

struct FileFlags {
  std::vector<std::string> filenames;
  std::string kustomize;
  bool recursive = false;
  // Why an object of a file is not taken, before its kind is looked for; "" of one that is.
  std::function<std::string(const Json& object)> refuses;
  bool reads_all_first =
      false;  // What cannot be read is told before what cannot be done, as apply.
  // Under the name of kubectl: of other kinds, in files or not, it knows nothing here.
  bool own_kinds_alone = false;
  bool asks_server = true;  // Else the verb has the documents alone, and what kinds they say.
  bool validates = false;   // The verb has documents validated, by what the server tells of kinds.
  bool takes_kustomize = true;       // The verb has the flag -k.
  bool takes_recursive = true;       // The verb has the flag -R.
  bool tells_build_plainly = false;  // Why none is built has no "error: " before it.
  void AddTo(Command& command, const char* letter = "f");
  bool empty() const { return filenames.empty() && kustomize.empty(); }
};

// Hands `take` each object in order, lists taken apart, or why it is none that can be read. The
// namespace of the session is filled in where an object that lives in one has none. Fails on the
// first file that cannot be opened, before anything is taken.
Result<> VisitManifests(Command& command, const FileFlags& files,
                        const std::function<void(Result<ManifestObject> read)>& take);
// The objects alone: what cannot be read is reported to the command and left out.
Result<std::vector<ManifestObject>> ReadManifests(Command& command, const FileFlags& files);

// What kubectl says of a kind that its own code does not know.
std::string NotRegistered(const std::string& api_version, const std::string& kind);

// Of what a file says: when it is told depends on `files`.
void ReportUnread(Command& command, const FileFlags& files, const Error& error);

// All of standard input, which belongs to the verb from now on. Fails where credentials cannot be
// had without it that `asks_server` needs.
Result<std::string> TakeInput(Command& command, bool asks_server = true);

// Why a document is no object of any kind, in kubectl's words; "" where it may be one.
std::string WhyNoObject(const Json& document);

struct Placing {
  bool validates = true;    // As in FileFlags.
  bool asks_server = true;  // The same.
};
// A document with the kind that it says it is, and the session's namespace where it has none.
// `source` is what its errors call it.
Result<ManifestObject> PlaceObject(Session& session, const std::string& source, Json object,
                                   const Placing& placing);

// Whether the object has the labels that are asked for.
bool IsSelected(const LabelSelector& selector, const Json& object);
// Leaves out what the label selector (-l) does not match. "" matches all.
Result<> KeepSelected(const std::string& selector, std::vector<ManifestObject>& objects);

}  // namespace skiff::cli
