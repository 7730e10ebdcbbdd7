#include "cli/kustomize/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "api/text/yaml.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli::kustomize {
namespace {

using Candidates = std::vector<Resource*>;
// Those that had a name, by it; each once.
using ByOldName = std::unordered_map<std::string, Candidates>;

bool WasOf(const Resource& resource, const Gvk& kind) {
  return std::any_of(resource.past.begin(), resource.past.end(),
                     [&](const ResourceId& id) { return id.gvk.IsMeantBy(kind); });
}

// Whether the shorter row is the end of the other.
bool EndAlike(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const size_t common = std::min(a.size(), b.size());
  return std::equal(a.end() - static_cast<long>(common), a.end(),
                    b.end() - static_cast<long>(common));
}

bool SameAffixes(const Resource& a, const Resource& b, bool empty_fits) {
  const auto alike = [&](const std::vector<std::string>& one,
                         const std::vector<std::string>& other) {
    if (one.empty() || other.empty()) return empty_fits || one.empty() == other.empty();
    return EndAlike(one, other);
  };
  return alike(a.prefixes, b.prefixes) && alike(a.suffixes, b.suffixes);
}

// One field of one kind, in one object that refers to others.
class Mender {
 public:
  Mender(const Resource& referrer, const ByOldName& by_name, const Gvk& target,
         const std::string& path)
      : referrer_(referrer), id_(referrer.Id()), by_name_(by_name), target_(target), path_(path) {
    const Json& subjects = At(referrer.object, "subjects");
    if (id_.gvk.kind != "RoleBinding" || !subjects.is_array()) return;
    for (const Json& subject : subjects) {
      if (TextAt(subject, "kind") == "ServiceAccount" && subject.contains("namespace")) {
        bound_namespaces_.insert(TextAt(subject, "namespace"));
      }
    }
  }

  Result<> Mend(Json& field) const {
    if (field.is_null()) return {};
    if (field.is_object()) return MendMap(field);
    if (!field.is_array()) return MendText(field);
    for (Json& item : field) {
      if (item.is_null()) continue;
      if (item.is_array()) return CliError("a list is expected to hold texts or maps of texts");
      TRY(item.is_object() ? MendMap(item) : MendText(item));
    }
    return {};
  }

 private:
  Result<> MendText(Json& field) const {
    const Resource* found = TRY(Find(PlainText(field), nullptr, /*by_name_alone=*/true));
    if (found != nullptr) field = NameOf(found->object);
    return {};
  }

  // Of a name and a namespace.
  Result<> MendMap(Json& field) const {
    const auto name = field.find("name");
    if (name == field.end()) return CliError("path config error; no 'name' field in node");
    const auto said = field.find("namespace");
    const std::string namespace_ = said == field.end() ? "" : PlainText(*said);
    const Resource* found =
        TRY(Find(PlainText(*name), said == field.end() ? nullptr : &namespace_,
                 /*by_name_alone=*/false));
    if (found == nullptr) return {};
    *name = NameOf(found->object);
    const std::string current = NamespaceOf(found->object);
    if (!current.empty()) field["namespace"] = current;
    return {};
  }

  // Whether it may be referred to from where the referrer is.
  bool IsInReach(const Resource& resource, const ResourceId& id) const {
    return id_.cluster_scoped || id.cluster_scoped || id.SameNamespace(id_) ||
           bound_namespaces_.contains(NamespaceOf(resource.object));
  }

  Candidates InNamespace(const Candidates& all, const std::string& namespace_) const {
    for (const bool original : {true, false}) {
      Candidates found;
      for (Resource* each : all) {
        const ResourceId id = original ? each->OriginalId() : each->Id();
        if (!id.cluster_scoped && id.EffectiveNamespace() == namespace_) found.push_back(each);
      }
      if (!found.empty()) return found;
    }
    return {};
  }

  Gvk RoleKind() const {
    if (!path_.ends_with("roleRef/name")) return {};
    const Json& role = At(referrer_.object, "roleRef");
    if (!role.contains("apiGroup") || !role.contains("kind")) return {};
    return {TextAt(role, "apiGroup"), "", TextAt(role, "kind")};
  }

  // nullptr: no object that had the name is meant. `namespace_`: nullptr where none is said. Where
  // a name alone is written, namespaces do not matter.
  Result<const Resource*> Find(const std::string& name, const std::string* namespace_,
                               bool by_name_alone) const {
    const auto named = by_name_.find(name);
    if (named == by_name_.end()) return nullptr;
    Candidates found;
    for (Resource* each : named->second) {
      if (IsInReach(*each, each->Id())) found.push_back(each);
    }
    if (namespace_ != nullptr) found = InNamespace(found, *namespace_);
    const Gvk role = RoleKind();
    std::erase_if(found, [&](const Resource* each) {
      if (!WasOf(*each, target_) || !WasOf(*each, role)) return true;
      const ResourceId id = each->Id();
      return !id_.cluster_scoped && !id.cluster_scoped && id.gvk.kind != "ServiceAccount" &&
             !id.SameNamespace(id_);
    });
    if (found.size() == 1) return found[0];
    const auto keep_alike = [&](bool empty_fits) {
      std::erase_if(found, [&](const Resource* each) {
        return !SameAffixes(*each, referrer_, empty_fits);
      });
    };
    keep_alike(/*empty_fits=*/true);
    if (found.size() > 1) keep_alike(/*empty_fits=*/false);
    if (found.empty()) return nullptr;
    const bool identical = std::all_of(found.begin(), found.end(), [&](const Resource* each) {
      return NameOf(each->object) == NameOf(found[0]->object) &&
             (by_name_alone || NamespaceOf(each->object) == NamespaceOf(found[0]->object));
    });
    if (identical) return found[0];
    return Ambiguous(found);
  }

  tl::unexpected<Error> Ambiguous(const Candidates& found) const {
    std::vector<std::string> ids;
    std::string details;
    for (const Resource* each : found) {
      details += fmt::format("--- possible referral {}:\n{}\n", ids.size(), DumpYaml(each->object));
      ids.push_back(each->Id().Text());
    }
    return CliError(fmt::format(
        "found multiple possible referrals: {}\n\n**** Too many possible referral targets to "
        "referrer:\n{}\n{}",
        fmt::join(ids, ", "), DumpYaml(referrer_.object), details));
  }

  const Resource& referrer_;
  const ResourceId id_;
  const ByOldName& by_name_;
  const Gvk& target_;
  const std::string& path_;
  std::set<std::string> bound_namespaces_;
};

}  // namespace

Result<> MendReferences(ResourceSet& resources, const std::vector<NameReferences>& references) {
  ByOldName by_name;
  for (const auto& each : resources.all()) {
    for (const ResourceId& id : each->past) {
      Candidates& named = by_name[id.name];
      if (named.empty() || named.back() != each.get()) named.push_back(each.get());
    }
  }
  if (by_name.empty()) return {};
  for (const auto& each : resources.all()) {
    const Gvk original = each->OriginalId().gvk;
    for (const NameReferences& reference : references) {
      for (const FieldSpec& spec : reference.referrers) {
        if (!original.IsMeantBy(spec.gvk)) continue;
        const Mender mender(*each, by_name, reference.target, spec.path);
        FieldSpec any = spec;
        any.gvk = {};
        const auto mended = ChangeField(each->object, any, Make::kNothing,
                                        [&](Json& field) { return mender.Mend(field); });
        if (mended) continue;
        return CliError(fmt::format("updating name reference in '{}' field of '{}': {}", spec.path,
                                    each->Id().Text(), mended.error().message));
      }
    }
  }
  return {};
}

}  // namespace skiff::cli::kustomize
