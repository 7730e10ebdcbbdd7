#include "cli/kustomize/selector.h"

#include "api/select/selector.h"
#include "api/text/patterns.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli::kustomize {
namespace {

// All of a text, or any where there is no expression.
class WholePattern {
 public:
  static Result<WholePattern> Of(const Json& selector, const char* part) {
    WholePattern pattern;
    const std::string text = TextAt(selector, part);
    if (text.empty()) return pattern;
    pattern.compiled_ = TakePattern("^(?:" + text + ")$").compiled;
    if (!pattern.compiled_->ok()) return CliError(GoPatternError(*pattern.compiled_));
    return pattern;
  }
  bool Matches(const std::string& text) const {
    return !compiled_ || RE2::PartialMatch(text, *compiled_);
  }

 private:
  std::shared_ptr<const CompiledPattern> compiled_;
};

Result<bool> MatchesMap(const Json& map, const std::string& selector) {
  if (selector.empty()) return true;
  const auto parsed = TRY(LabelSelector::Parse(selector));
  return parsed.MatchesEach([&](auto take) {
    if (!map.is_object()) return;
    for (const Json::object_t::value_type& each : map.get_ref<const Json::object_t&>()) {
      const std::string* value = each.second.get_ptr<const std::string*>();
      if (value != nullptr) take(each.first, *value);
    }
  });
}

}  // namespace

Result<bool> MatchesMetadata(const Json& object, const Json& selector) {
  const bool labels = TRY(
      MatchesMap(At(object, "metadata", "labels"), TextAt(selector, "labelSelector")));
  if (!labels) return false;
  return MatchesMap(At(object, "metadata", "annotations"), TextAt(selector, "annotationSelector"));
}

Result<std::vector<Resource*>> Select(const ResourceSet& resources, const Json& selector) {
  const auto group = TRY(WholePattern::Of(selector, "group"));
  const auto version = TRY(WholePattern::Of(selector, "version"));
  const auto kind = TRY(WholePattern::Of(selector, "kind"));
  const auto name = TRY(WholePattern::Of(selector, "name"));
  const auto namespace_ = TRY(WholePattern::Of(selector, "namespace"));
  std::vector<Resource*> selected;
  for (const auto& each : resources.all()) {
    const ResourceId id = each->Id();
    const ResourceId original = each->OriginalId();
    if (!namespace_.Matches(original.EffectiveNamespace()) &&
        !namespace_.Matches(id.EffectiveNamespace())) {
      continue;
    }
    if (!name.Matches(original.name) && !name.Matches(id.name)) continue;
    if (!group.Matches(id.gvk.group) || !version.Matches(id.gvk.version) ||
        !kind.Matches(id.gvk.kind)) {
      continue;
    }
    const bool matches = TRY(MatchesMetadata(each->object, selector));
    if (matches) selected.push_back(each.get());
  }
  return selected;
}

}  // namespace skiff::cli::kustomize
