// Naming resources on the command line: "pods a b", "rc,svc", "pod/a svc/b", "all", -l, --all.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/kinds.h"
#include "cli/manifest.h"

namespace skiff::cli {

// A kind, and the names asked for; none: all that the selectors let through.
struct Selection {
  ServedKind kind;
  std::vector<std::string> names;
  std::optional<std::string> namespace_ = {};  // Not the session's: a file says so.
};

// What a file says that cannot be read.
struct Unread {
  Error error;
  size_t names_before;  // How many names the files had had until then.
};

struct Selections {
  std::vector<Selection> items;
  std::vector<Unread> unread = {};  // In order; whoever asks for the items reports them.
};

// Words that name objects beside files (-f) that do.
tl::unexpected<Error> WordsBesideFiles(const Args& words);
// Words beside --local, which has what files say alone.
tl::unexpected<Error> WordsOfLocal();
// Names beside a selector or --all.
tl::unexpected<Error> NamesBesideSelector(const Args& words);

// Fails in kubectl's words on words that go together badly.
Result<Selections> ParseSelections(Command& command, const Args& words);

// For verbs that kubectl has for kinds of its own code alone: fails in its words on another one.
// Under other names than its own such a kind is taken.
Result<> RequireOwnKind(Command& command, const ServedKind& kind);

// The flags that narrow a selection.
struct SelectorFlags {
  std::string labels;
  std::string fields;
  bool all = false;
  bool all_namespaces = false;
};

// Names are of one namespace, where they are in any: fails where all are meant.
Result<> CheckNamedInOne(const Selection& selection, const SelectorFlags& selectors);

// A failed list in kubectl's words: "Unable to find ... that match label selector ...".
Error WithList(Error error, const Resource& resource, const SelectorFlags& selectors);

// Who says neither by words nor by files what is meant is told how to.
tl::unexpected<Error> NothingNamed();

// An object that a verb works on.
struct Target {
  Resource resource;
  ObjectKey key;
  std::string source;  // The file that names it; "" when words do.
  Json object;         // As the server has it, or as the file says.
  // What a JSON document or a name stands for: "pods/web-1".
  std::string PathName() const { return resource.name + "/" + key.name; }
};

struct TargetOptions {
  const FileFlags* files = nullptr;
  SelectorFlags selectors;
  // Read the objects named by words and files from the server; otherwise words with names yield no
  // object and files the document in them.
  bool fetch = true;
  bool asks_server = true;  // Else not for kinds and credentials either (--local).
  // A kind without names, --all or a selector stands for nothing.
  bool names_needed = true;
  // What a file names and the server does not have is told among what cannot be read of files;
  // else as what cannot be done.
  bool misses_are_unread = true;
  // One that is named and not there is told of alone; otherwise each is.
  bool first_missing_ends = false;
  int chunk_size = kPageItems;  // --chunk-size
  // What is fetched of each: not all who may read a Scale may read what it is of.
  std::string subresource = "";
};

// The words as those of FindTargets: names of this kind, unless they say another ("KIND/NAME").
Args OfKind(const std::string& kind, const Args& words);
// What --selector says beside files; fails in kubectl's words.
Result<LabelSelector> SelectorBesideFiles(const std::string& selector);
// The objects that files or words name, in order. Objects that cannot be read are reported, and the
// rest returned. Fails when the words make no sense.
Result<std::vector<Target>> FindTargets(Command& command, const Args& words,
                                        const TargetOptions& options);

}  // namespace skiff::cli
