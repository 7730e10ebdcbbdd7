#include "apiserver/request/write_options.h"

#include <fmt/format.h>

#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/rules/core/object_meta.h"
#include "api/text/go_text.h"
#include "api/text/utf8.h"
#include "api/violations.h"
#include "apiserver/request/body.h"
#include "apiserver/request/list_options.h"
#include "apiserver/request/request_info.h"

namespace skiff {
namespace {

constexpr size_t kManagerBytesMax = 128;

std::vector<std::string> Values(const http::Request& request, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& [key, value] : request.query) {
    if (key == name) values.push_back(value);
  }
  return values;
}

void CheckDryRun(const std::vector<std::string>& values, Violations& wrong) {
  for (const std::string& value : values) {
    if (value != "All") {
      wrong.NotSupported(FieldPath("dryRun"), Json(values), {"All"});
      return;
    }
  }
}

Error OptionsError(const Violations& wrong, std::string_view kind) {
  return wrong.ToError("meta.k8s.io", kind, "");
}

Result<Propagation> PropagationOf(const std::optional<std::string>& text, Violations& wrong) {
  if (!text) return Propagation::kUnset;
  if (*text == "Orphan") return Propagation::kOrphan;
  if (*text == "Background") return Propagation::kBackground;
  if (*text == "Foreground") return Propagation::kForeground;
  wrong.NotSupported(FieldPath("propagationPolicy"), *text,
                     {"Foreground", "Background", "Orphan", "nil"});
  return Propagation::kUnset;
}

}  // namespace

Result<DeleteQuery> CheckDeleteOptions(const meta_v1::DeleteOptions& given) {
  Violations wrong;
  DeleteQuery options;
  if (given.orphan_dependents && given.propagation_policy) {
    wrong.Invalid(FieldPath("propagationPolicy"), *given.propagation_policy,
                  "orphanDependents and deletionPropagation cannot be both set");
  }
  options.propagation = TRY(PropagationOf(given.propagation_policy, wrong));
  CheckDryRun(given.dry_run, wrong);
  if (!wrong.empty()) return Fail(OptionsError(wrong, "DeleteOptions"));
  options.grace_seconds = given.grace_period_seconds;
  if (options.grace_seconds && *options.grace_seconds < 0) options.grace_seconds = 1;
  options.orphan_dependents = given.orphan_dependents;
  options.dry_run = !given.dry_run.empty();
  if (given.preconditions) {
    options.uid = given.preconditions->uid;
    options.resource_version = given.preconditions->resource_version;
  }
  return options;
}

Result<WriteOptions> ParseWriteOptions(const http::Request& request, std::string_view kind,
                                       bool is_apply) {
  WriteOptions options{.is_apply = is_apply};
  Violations wrong;
  if (kind == "PatchOptions") {
    const auto force = request.Query("force");
    options.force = force && QueryIsTrue(*force);
    if (force && !is_apply) {
      wrong.Forbidden(FieldPath("force"), "may not be specified for non-apply patch");
    }
  }
  options.field_manager = std::string(request.Query("fieldManager").value_or(""));
  if (is_apply && options.field_manager.empty()) {
    wrong.Required(FieldPath("fieldManager"), "is required for apply patch");
  }
  ValidateFieldManager(options.field_manager, FieldPath("fieldManager"), wrong);
  options.field_manager = MendUtf8(options.field_manager);
  const auto dry_run = Values(request, "dryRun");
  CheckDryRun(dry_run, wrong);
  options.dry_run = !dry_run.empty();
  const std::string validation(request.Query("fieldValidation").value_or(""));
  if (validation == "Ignore") options.validation = FieldValidation::kIgnore;
  if (validation == "Strict") options.validation = FieldValidation::kStrict;
  if (!validation.empty() && validation != "Ignore" && validation != "Strict" &&
      validation != "Warn") {
    wrong.NotSupported(FieldPath("fieldValidation"), validation, {"", "Ignore", "Strict", "Warn"});
  }
  if (!wrong.empty()) return Fail(OptionsError(wrong, kind));
  return options;
}

Json OptionsDocument(const WriteOptions& options, std::string_view kind) {
  Json document = {{"kind", kind}, {"apiVersion", "meta.k8s.io/v1"}};
  if (options.dry_run) document["dryRun"] = Json::array({"All"});
  if (!options.field_manager.empty()) document["fieldManager"] = options.field_manager;
  if (options.validation == FieldValidation::kStrict) document["fieldValidation"] = "Strict";
  if (options.validation == FieldValidation::kIgnore) document["fieldValidation"] = "Ignore";
  return document;
}

std::optional<Json> MoreThanDefault(const WriteOptions& options, std::string_view kind) {
  const bool is_default = !options.dry_run && options.field_manager.empty() &&
                          options.validation == FieldValidation::kWarn;
  if (is_default) return std::nullopt;
  return OptionsDocument(options, kind);
}

Json OptionsDocument(const DeleteQuery& options) {
  Json document = {{"kind", "DeleteOptions"}, {"apiVersion", "meta.k8s.io/v1"}};
  if (options.grace_seconds) document["gracePeriodSeconds"] = *options.grace_seconds;
  if (options.uid) document["preconditions"]["uid"] = *options.uid;
  if (options.resource_version) {
    document["preconditions"]["resourceVersion"] = *options.resource_version;
  }
  if (options.orphan_dependents) document["orphanDependents"] = *options.orphan_dependents;
  constexpr const char* kPolicies[] = {"", "Orphan", "Background", "Foreground"};
  if (options.propagation != Propagation::kUnset) {
    document["propagationPolicy"] = kPolicies[static_cast<int>(options.propagation)];
  }
  if (options.dry_run) document["dryRun"] = Json::array({"All"});
  return document;
}

std::string ManagerOf(const WriteOptions& options, const http::Request& request) {
  if (!options.field_manager.empty()) return options.field_manager;
  const std::string_view agent = request.Header("User-Agent");
  std::string manager;
  // Signs as they print, for as many as there is room.
  const std::string name = MendUtf8(agent.substr(0, agent.find('/')));
  for (std::string_view rest = name; !rest.empty();) {
    const std::string_view rune = rest.substr(0, Utf8SequenceLength(rest));
    rest.remove_prefix(rune.size());
    if (!UnprintableRunes(rune).empty()) continue;
    if (manager.size() + rune.size() > kManagerBytesMax) break;
    manager += rune;
  }
  return manager.empty() ? "unknown" : manager;
}

Result<DeleteQuery> ParseDeleteOptions(const http::Request& request, std::string_view group,
                                       std::string_view version) {
  if (!request.body.empty()) {
    const Json document = TRY(DecodeDeleteOptions(request, group, version));
    const auto given = FromJson<meta_v1::DeleteOptions>(document);
    if (!given) return Fail(Reason::kBadRequest, given.error().message);
    return CheckDeleteOptions(*given);
  }
  meta_v1::DeleteOptions given;
  if (const auto text = request.Query("gracePeriodSeconds")) {
    given.grace_period_seconds = TRY(ParseIntQuery(*text));
  }
  if (const auto text = request.Query("propagationPolicy")) {
    given.propagation_policy = std::string(*text);
  }
  if (const auto text = request.Query("orphanDependents")) {
    given.orphan_dependents = QueryIsTrue(*text);
  }
  given.dry_run = Values(request, "dryRun");
  return CheckDeleteOptions(given);
}

}  // namespace skiff
