// Reads compose files with what they include and extend: the part of loading that meets files.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/compose/canonical.h"
#include "cli/compose/load.h"
#include "cli/compose/merge.h"

namespace skiff::cli::compose {

class FileReader {
 public:
  FileReader(const LoadOptions& options, const Files& files) : options_(options), files_(files) {}

  // What the last of the files that has a `name` says; "" when none has.
  Result<std::string> SaidName(const std::vector<std::string>& paths, const Lookup& lookup);
  // The files merged, in order, with what they include; canonical.
  Result<Node> ReadAll(const std::vector<std::string>& paths, const Surroundings& around,
                       int depth = 0, const Node* named_by = nullptr);
  // Variables that nothing stood for.
  const std::map<std::string, Place>& unset() const { return unset_; }

 private:
  // `named_by`: what of a file names it; nullptr: the command line.
  Result<std::string> Text(const std::string& path, const Node* named_by);
  std::string Shown(const std::string& path) const;
  // The documents of a file, each one canonical.
  Result<std::vector<Node>> ReadFile(const std::string& path, const Surroundings& around,
                                     const Node* named_by);
  // Puts what they extend below the services of a document.
  Result<> ExtendAll(Node& document, const Surroundings& around);
  Result<Node> Extended(Node& services, const std::string& name, const Surroundings& around,
                        int depth);
  Result<Node> Base(Node& services, const Node& extends, const Surroundings& around, int depth);
  Result<> IncludeAll(const Node& includes, const Surroundings& around, int depth,
                      std::vector<Node>& out);
  Result<> Count(const Node& node, const Node& place);

  const LoadOptions& options_;
  const Files& files_;
  std::map<std::string, Place> unset_;
  int read_ = 0;
  size_t values_ = 0;
};

}  // namespace skiff::cli::compose
