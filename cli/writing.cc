#include "cli/writing.h"

#include <algorithm>
#include <set>

#include "api/patch/patch.h"
#include "api/patch/strategic_merge.h"
#include "api/select/selector.h"
#include "api/text/go_text.h"
#include "cli/json_text.h"
#include "cli/request_log.h"

namespace skiff::cli {
namespace {

Result<std::string> FieldValidation(const std::string& validate) {
  if (validate == "strict" || validate == "true") return std::string("Strict");
  if (validate == "warn") return std::string("Warn");
  if (validate == "ignore" || validate == "false") return std::string("Ignore");
  return CliError(fmt::format(
      "invalid - validate option {}; must be one of: strict (or true), warn, ignore (or false)",
      GoQuote(validate)));
}

}  // namespace

void RecordFlag::AddTo(Command& command) {
  constexpr std::string_view kRecording[] = {
      "annotate",      "apply",        "apply edit-last-applied",
      "autoscale",     "create",       "edit",
      "expose",        "label",        "patch",
      "run",           "scale",        "set image",
      "set resources", "set selector", "set serviceaccount"};
  const auto end = std::end(kRecording);
  if (std::find(std::begin(kRecording), end, command.verb()) == end) return;
  command_ = &command;
  command.Flag("record", wanted_, "Deprecated: keep the command line in the object.");
  command.Deprecate("record", "--record will be removed in the future");
}

Json RecordFlag::In(Json object) const {
  if (!wanted_) return object;
  Json& metadata = object["metadata"];
  // Of what is no object the server says so.
  if (!metadata.is_object() && !metadata.is_null()) return object;
  Json& annotations = metadata["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  annotations[kCause] = command_->CommandLine();
  return object;
}

std::optional<Json> RecordFlag::Apart(const Resource& resource, const ObjectKey& key,
                                      const WriteOptions& options,
                                      const std::string& subresource) const {
  // Of what was only tried nothing is kept.
  if (!wanted_ || !options.dry_run.empty()) return std::nullopt;
  const auto session = command_->session();
  if (!session) return std::nullopt;
  auto recorded = (*session)->api().Patch(resource, key, PatchType::kMerge, In(Json::object()),
                                          options, subresource);
  if (recorded) return std::move(*recorded);
  Environment& environment = command_->environment();
  if (environment.verbosity >= 4) {
    environment.err(LogLine(environment, 'I', command_->verb() + ".go",
                            "error recording reason: " + recorded.error().message));
  }
  return std::nullopt;
}

void WriteFlags::AddTo(Command& command, const std::string& manager, bool with_validation) {
  dry_run.AddTo(command);
  AddWithoutDryRun(command, manager, with_validation);
}

void WriteFlags::AddWithoutDryRun(Command& command, const std::string& manager,
                                  bool with_validation) {
  field_manager = manager;
  fails_by_validation = command.environment().program == "kubectl";
  print.AddTo(command);
  if (takes_manager) {
    command.Flag("field-manager", field_manager, "Name of the manager used to track fields.");
  }
  record.AddTo(command);
  if (!with_validation) return;
  // What makes an object of flags has no fields to validate; apply keeps it anyway, and a taint is
  // no object.
  const std::set<std::string_view> of_flags = {"autoscale", "expose", "run"};
  const std::set<std::string_view> keeping = {"apply", "apply edit-last-applied", "taint"};
  if (!of_flags.contains(command.verb())) {
    command.Flag("validate", validate, "strict (or true), warn, ignore (or false).");
    command.Bare("validate", "strict");
  }
  if (!keeping.contains(command.verb())) {
    command.Flag("save-config", save_config, "Keep the object in its own annotation.");
  }
}

Result<> WriteFlags::Check() {
  TRY(print.Check());
  TRY(FieldValidation(validate));
  return dry_run.Check();
}

Result<WriteOptions> WriteFlags::Options() const {
  WriteOptions options;
  options.field_manager = field_manager;
  options.dry_run = dry_run.Parameter();
  options.field_validation = TRY(FieldValidation(validate));
  return options;
}

Error WriteFlags::Failure(const Error& error, const std::string& verb,
                          const std::string& source) const {
  const auto problem = UnreachableProblem(error);
  if (problem && Validates() && fails_by_validation) return ValidationFailure(*problem, source);
  return WithSource(error, verb, source);
}

std::string LastAppliedText(Json object) {
  Json& annotations = object["metadata"]["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  annotations.erase(kLastApplied);
  return GoJson(object) + "\n";
}

std::string SetLastAppliedText(Json object) {
  Json& metadata = object["metadata"];
  if (const auto annotations = metadata.find("annotations");
      annotations != metadata.end() && annotations->is_object()) {
    annotations->erase(kLastApplied);
  }
  return GoJson(object) + "\n";
}

Json WithLastApplied(Json object) {
  std::string text = LastAppliedText(object);
  Json& annotations = object["metadata"]["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  annotations[kLastApplied] = std::move(text);
  return object;
}

Result<Json> ParseLabelSpec(const std::string& text) {
  Json labels = Json::object();
  for (const std::string& pair : Split(text, ',')) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || pair.find('=', equals + 1) != std::string::npos) {
      return CliError(fmt::format("unexpected label spec: {}", pair));
    }
    if (equals == 0) return CliError("unexpected empty label key");
    labels[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return labels;
}

Result<Json> ParseObjectSelector(const std::string& text) {
  const auto parsed = LabelSelector::Parse(text);
  if (!parsed) {
    return CliError(
        fmt::format("couldn't parse the selector string \"{}\": {}", text, parsed.error().message));
  }
  Json selector = Json::object();
  for (const LabelRequirement& each : parsed->requirements()) {
    const char* name = nullptr;
    switch (each.op) {
      case LabelOperator::kEquals:
      case LabelOperator::kDoubleEquals:
        selector["matchLabels"][each.key] = each.values.empty() ? "" : each.values[0];
        continue;
      case LabelOperator::kIn:
        name = "In";
        break;
      case LabelOperator::kNotIn:
        name = "NotIn";
        break;
      case LabelOperator::kExists:
        name = "Exists";
        break;
      case LabelOperator::kDoesNotExist:
        name = "DoesNotExist";
        break;
      case LabelOperator::kGreaterThan:
        return CliError("\"gt\" isn't supported in label selectors");
      case LabelOperator::kLessThan:
        return CliError("\"lt\" isn't supported in label selectors");
      case LabelOperator::kNotEquals:
        return CliError("\"!=\" is not a valid label selector operator");
    }
    Json expression = {{"key", each.key}, {"operator", name}};
    if (!each.values.empty()) expression["values"] = each.values;
    selector["matchExpressions"].push_back(std::move(expression));
  }
  return selector;
}

namespace {

// One round: what there is, then its changes until the server closes the watch. True: done.
Result<bool> WaitOnce(Session& session, const Resource& resource, const ObjectKey& key,
                      const std::function<Duration()>& left,
                      const std::function<Result<bool>(const Json* object)>& done) {
  const std::string path = TRY(resource.CollectionPath(key.namespace_));
  Query query = {{"fieldSelector", "metadata.name=" + key.name}};
  const Json list = TRY(session.api().Get(path, query));
  const Json& items = At(list, "items");
  const bool present = items.is_array() && !items.empty();
  if (TRY(done(present ? &items[0] : nullptr))) return true;
  if (left() <= Duration(0)) {
    return Fail(Reason::kTimeout, "timed out waiting for the condition");
  }
  query.emplace_back("watch", "true");
  query.emplace_back("resourceVersion", TextAt(list, "metadata", "resourceVersion"));
  EventReader events(session.api().environment(),
                     TRY(session.api().GetStream(path, std::move(query))));
  while (true) {
    const auto event = TRY(events.Next(std::max(left(), Duration(0))));
    if (!event) return false;
    if (event->type == WatchEvent::Type::kBookmark) continue;
    const bool gone = event->type == WatchEvent::Type::kDeleted;
    const Json object = event->object.Parse();
    if (TRY(done(gone ? nullptr : &object))) return true;
  }
}

// Whether it is worth another look: the version was too old to watch from, or the server does not
// answer for now, as while it is started anew.
bool MayPass(const Error& error) {
  constexpr int kTooManyRequests = 429, kServerErrors = 500;
  return error.reason == Reason::kExpired || error.reason == Reason::kGone ||
         error.http_code == kTooManyRequests || error.http_code >= kServerErrors;
}

}  // namespace

Result<> WaitUntil(Session& session, const Resource& resource, const ObjectKey& key,
                   Duration timeout, const std::function<Result<bool>(const Json* object)>& done) {
  const SystemClock clock;
  const Duration begin = clock.Monotonic();
  const auto left = [&] {
    return timeout == kNever ? kNever : timeout - (clock.Monotonic() - begin);
  };
  while (true) {
    const auto finished = WaitOnce(session, resource, key, left, done);
    if (finished && *finished) return {};
    if (!finished && (!MayPass(finished.error()) || left() <= Duration(0))) {
      return Fail(finished.error());
    }
    session.PauseBetweenWatches(left());
  }
}

Result<> WaitOrAskUntil(Session& session, const Resource& resource, const ObjectKey& key,
                        Duration timeout,
                        const std::function<Result<bool>(const Json* object)>& done) {
  constexpr Duration kPause = 1s;
  const auto waited = WaitUntil(session, resource, key, timeout, done);
  const bool is_blind = !waited && (waited.error().reason == Reason::kForbidden ||
                                    waited.error().reason == Reason::kMethodNotAllowed);
  if (!is_blind) return waited;
  Environment& environment = session.api().environment();
  const Duration begun = environment.clock.Monotonic();
  while (true) {
    const auto now = session.api().Get(resource, key);
    if (!now && now.error().reason != Reason::kNotFound && !MayPass(now.error())) {
      return Fail(now.error());
    }
    const bool is_known = now || now.error().reason == Reason::kNotFound;
    if (is_known && TRY(done(now ? &*now : nullptr))) return {};
    if (timeout != kNever && environment.clock.Monotonic() - begun >= timeout) {
      return Fail(Reason::kTimeout, "timed out waiting for the condition");
    }
    environment.pause(kPause);
  }
}

Result<> PrintWritten(Command& command, const WriteFlags& flags, const Json& object,
                      const Resource& resource, const std::string& operation) {
  return PrintOutcome(command, flags.print, object, resource, operation + flags.dry_run.Suffix());
}

Result<Json> PatchedHere(Session& session, const Target& target, PatchType type,
                         const std::string& text) {
  if (type == PatchType::kJson) {
    const JsonPatch patch = TRY(ParseJsonPatch(text, false));
    auto patched = ApplyJsonPatch(patch, target.object);
    // The one failure of which kubectl makes its own words.
    constexpr std::string_view kMissing = "doc is missing key: ";
    const std::string why = patched ? "" : patched.error().message;
    if (const size_t at = why.find(kMissing); at != why.npos) {
      return CliError(fmt::format("Object to be patched is missing field ({})",
                                  why.substr(at + kMissing.size())));
    }
    return patched;
  }
  if (type == PatchType::kMerge) {
    const MergePatch patch = TRY(ParseMergePatch(text));
    return ApplyMergePatch(patch.patch, target.object);
  }
  const auto kind =
      TRY(session.kinds().FindByKind(target.resource.api_version, target.resource.kind));
  if (!kind || !kind->info) {
    return CliError(
        fmt::format("strategic merge patch is not supported for {} locally, try --type merge",
                    target.resource.api_version));
  }
  const MergePatch patch = TRY(ParseStrategicPatch(text));
  return ApplyStrategicPatch(*kind->info->type, target.object, patch.patch);
}

}  // namespace skiff::cli
