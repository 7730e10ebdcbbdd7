// Reads compose files with what they include and extend: the part of loading that meets files.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/compose/canonical.h"
#include "cli/compose/load.h"
#include "cli/compose/merge.h"

namespace skiff::cli::compose {

// What is wrong with the files is told of, and what is left of them goes on; methods fail where
// that would come to too much.
class FileReader {
 public:
  FileReader(const LoadOptions& options, const Files& files, Mistakes& wrong)
      : options_(options), files_(files), wrong_(wrong) {}

  // What the last of the files that has a `name` says; "" when none has. Fails where a file cannot
  // be read.
  Result<std::string> SaidName(const std::vector<std::string>& paths, const Lookup& lookup);
  // The files merged, in order, with what they include; canonical.
  Result<Node> ReadAll(const std::vector<std::string>& paths, const Surroundings& around,
                       int depth = 0, const Node* named_by = nullptr);
  // Variables that nothing stood for.
  const std::map<std::string, Place>& unset() const { return unset_; }
  // Nothing that belongs to the project could not be read: what is not there is nowhere.
  bool is_whole() const { return is_whole_; }

 private:
  // `named_by`: what of a file names it; nullptr: the command line.
  Result<std::string> Text(const std::string& path, const Node* named_by);
  std::string Shown(const std::string& path) const;
  // The documents of a file, each one canonical; nullopt when it cannot be read.
  Result<std::optional<std::vector<Node>>> ReadFile(const std::string& path,
                                                    const Surroundings& around,
                                                    const Node* named_by);
  Result<std::vector<Node>> Documents(const std::string& path, const Node* named_by);
  // Puts what they extend below the services of a document.
  Result<> ExtendAll(Node& document, const Surroundings& around);
  Result<Node> Extended(Node& services, const std::string& name, const Surroundings& around,
                        int depth);
  // What `extends` names; nullopt when that is nothing.
  Result<std::optional<Node>> Base(Node& services, const Node& extends, const Surroundings& around,
                                   int depth);
  Result<std::optional<Node>> BaseElsewhere(const Node& extends, const Surroundings& around,
                                            int depth);
  Result<> IncludeAll(const Node& includes, const Surroundings& around, int depth,
                      std::vector<Node>& out);
  // The variables of an included project's files, below ours.
  std::map<std::string, std::string> VariablesOf(const Node& include, const std::string& directory,
                                                 const Surroundings& around);
  Result<> Count(const Node& node, const Node& place);

  const LoadOptions& options_;
  const Files& files_;
  Mistakes& wrong_;
  bool is_whole_ = true;
  std::map<std::string, Place> unset_;
  int read_ = 0;
  size_t values_ = 0;
};

}  // namespace skiff::cli::compose
