#include "controllers/workloads/revision_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "api/defaults.h"

namespace skiff {

using apps_v1::ControllerRevision;

namespace {

Json TemplateWithDefaults(const core_v1::PodTemplateSpec& pod_template) {
  Json content = ToJson(pod_template);
  ApplyDefaults(core_v1::PodTemplateSpec::Describe(), content);
  return content;
}

}  // namespace

Json TemplatePatch(const core_v1::PodTemplateSpec& pod_template) {
  Json content = ToJson(pod_template);
  content["$patch"] = "replace";
  return {{"spec", {{"template", std::move(content)}}}};
}

void SortRevisions(Revisions& revisions) {
  const auto rank = [](const Ptr<ControllerRevision>& it) {
    return std::tuple(it->revision, it->metadata.creation_timestamp, it->metadata.name);
  };
  std::sort(revisions.begin(), revisions.end(),
            [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

int64_t NextRevision(const Revisions& revisions) {
  int64_t newest = 0;
  for (const auto& revision : revisions) newest = std::max(newest, revision->revision);
  return newest < std::numeric_limits<int64_t>::max() ? newest + 1 : newest;
}

Revisions EqualRevisions(const Revisions& revisions, const Json& data) {
  Revisions equal = revisions;
  std::erase_if(equal, [&](const auto& revision) { return revision->data.Parse() != data; });
  return equal;
}

Ptr<ControllerRevision> FindRevision(const Revisions& revisions, const Json& data) {
  return NewestRevision(EqualRevisions(revisions, data));
}

Ptr<ControllerRevision> NewestRevision(const Revisions& revisions) {
  if (revisions.empty()) return nullptr;
  Revisions sorted = revisions;
  SortRevisions(sorted);
  return sorted.back();
}

Ptr<ControllerRevision> FindRevisionByMeaning(const Revisions& revisions,
                                              const core_v1::PodTemplateSpec& pod_template) {
  const auto newest = NewestRevision(revisions);
  if (!newest) return nullptr;
  const auto kept = TemplateOf(*newest);
  if (!kept || TemplateWithDefaults(*kept) != TemplateWithDefaults(pod_template)) return nullptr;
  return newest;
}

Result<core_v1::PodTemplateSpec> TemplateOf(const ControllerRevision& revision) {
  const Json data = revision.data.Parse();
  const auto spec = data.find("spec");
  if (spec == data.end() || !spec->contains("template")) {
    return Fail(Reason::kInvalid,
                fmt::format("revision {} holds no template", revision.metadata.name));
  }
  Json content = spec->at("template");
  content.erase("$patch");
  core_v1::PodTemplateSpec pod_template;
  TRY(FromJson(core_v1::PodTemplateSpec::Describe(), content, &pod_template));
  return pod_template;
}

Revisions OutdatedRevisions(Revisions revisions, const std::vector<std::string>& in_use,
                            int32_t limit) {
  if (limit < 0) return {};
  std::erase_if(revisions, [&](const auto& revision) {
    return std::find(in_use.begin(), in_use.end(), revision->metadata.name) != in_use.end();
  });
  SortRevisions(revisions);
  const size_t kept = static_cast<size_t>(limit);
  if (revisions.size() <= kept) return {};
  revisions.resize(revisions.size() - kept);
  return revisions;
}

Revisions OutdatedRevisions(Revisions revisions, const std::string& current,
                            const std::vector<std::string>& in_use, int32_t limit) {
  std::erase_if(revisions, [&](const auto& it) { return it->metadata.name == current; });
  const auto used = std::count_if(revisions.begin(), revisions.end(), [&](const auto& revision) {
    return std::find(in_use.begin(), in_use.end(), revision->metadata.name) != in_use.end();
  });
  const int32_t left = std::max(0, limit - static_cast<int32_t>(used));
  return OutdatedRevisions(std::move(revisions), in_use, left);
}

}  // namespace skiff
