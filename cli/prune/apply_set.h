// A set of objects that are applied together (KEP-3659): they carry a label, and a parent object
// says which kinds and namespaces have such objects, so that those that leave the files are found
// again.
//
//   ApplySet set = TRY(ApplySet::Named(command, "secrets/web"));
//   TRY(set.Check());
//   TRY(set.Label(objects));
//   TRY(set.Begin(objects, options));      // The parent knows of old and new kinds.
//   ... apply, telling `visited` ...
//   Prune(command, TRY(set.FindToPrune(visited)), ...);
//   TRY(set.End(options));                 // The parent knows of the new ones.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/manifest.h"
#include "cli/prune/prune.h"

namespace skiff::cli {

inline constexpr char kApplySetPartOf[] = "applyset.kubernetes.io/part-of";
inline constexpr char kApplySetId[] = "applyset.kubernetes.io/id";
inline constexpr char kApplySetTooling[] = "applyset.kubernetes.io/tooling";
inline constexpr char kApplySetKinds[] = "applyset.kubernetes.io/contains-group-kinds";
inline constexpr char kApplySetResources[] = "applyset.kubernetes.io/contains-group-resources";
inline constexpr char kApplySetNamespaces[] = "applyset.kubernetes.io/additional-namespaces";
inline constexpr char kApplySetParentType[] = "applyset.kubernetes.io/is-parent-type";

class ApplySet {
 public:
  // `reference` is NAME, of a Secret, or RESOURCE[.GROUP]/NAME. The parent's namespace is that of
  // -n alone.
  static Result<ApplySet> Named(Command& command, const std::string& reference);
  // Whether an object of that kind may be a parent.
  Result<> Check();
  // The label's value: a digest of what the parent is called.
  std::string id() const;

  // Fails when an object has the label already.
  Result<> Label(std::vector<ManifestObject>& objects) const;
  // Reads the parent, or decides to make it, and has it name all kinds that the set has had and
  // will have: whatever stops this apply, nothing is forgotten.
  Result<> Begin(const std::vector<ManifestObject>& objects, const WriteFlags& write);
  Result<std::vector<Target>> FindToPrune(const Visited& visited);
  // The parent names what the set has now.
  Result<> End(const WriteFlags& write);

 private:
  using KindsByName = std::map<std::string, ServedKind>;  // By "Deployment.apps".

  ApplySet(Command& command, Session& session) : command_(command), session_(session) {}
  // "secrets./web", as kubectl has it.
  std::string ParentText() const;
  Result<> ReadParent();
  Result<> ReadKinds(const Json& annotations);
  Result<> WriteParent(const KindsByName& kinds, const std::set<std::string>& namespaces,
                       const WriteFlags& write);

  Command& command_;
  Session& session_;
  Resource parent_;
  ObjectKey key_;
  KindsByName current_kinds_;
  KindsByName new_kinds_;
  std::set<std::string> current_namespaces_;
  std::set<std::string> new_namespaces_;
};

}  // namespace skiff::cli
