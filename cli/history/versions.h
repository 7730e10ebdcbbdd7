// Two versions of some objects, shown as `diff -u` shows files, or whatever KUBECTL_EXTERNAL_DIFF
// names.
#pragma once

#include <string>

#include "api/values.h"
#include "cli/command.h"
#include "client/resource.h"

namespace skiff::cli {

// Two folders of the same files: what there is or was, and what there would be or is.
class Versions {
 public:
  // By the names that a diff shows: of an apply kubectl's own.
  static Result<Versions> Create(const std::string& before = "LIVE",
                                 const std::string& after = "MERGED");
  Versions(Versions&& other) noexcept;
  Versions& operator=(Versions&&) = delete;
  ~Versions();
  // null: the object is not there on that side.
  Result<> Add(const std::string& name, const Json& live, const Json& merged) const;
  const std::string& live() const { return live_; }
  const std::string& merged() const { return merged_; }

 private:
  Versions() = default;
  static Result<std::string> MakeFolder(const std::string& name);
  std::string live_;
  std::string merged_;
};

// What a Secret holds is nobody's business; that it changes is shown.
void Mask(Json& live, Json& merged);

std::string FileNameOf(const Resource& resource, const ObjectKey& key);

// Whether there are any.
Result<bool> ShowDifferences(Command& command, const Versions& versions);

}  // namespace skiff::cli
