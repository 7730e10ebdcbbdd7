#include "cli/scale.h"

#include "api/text/go_text.h"
#include "cli/json_text.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {

namespace {

constexpr Duration kLookPeriod = 1s;
constexpr Duration kConflictPatience = 5min;

Result<> TryScale(Session& session, const Resource& resource, const ObjectKey& key,
                  const ScaleRequest& request) {
  WriteOptions options;
  options.dry_run = request.dry_run;
  if (!request.current && request.resource_version.empty()) {
    const Json patch = {{"spec", {{"replicas", request.replicas}}}};
    TRY(session.api().Patch(resource, key, PatchType::kMerge, patch, options, "scale"));
    return {};
  }
  Json scale = TRY(session.api().Get(resource, key, "scale"));
  const int64_t current = IntAt(scale, "spec", "replicas");
  if (request.current && *request.current != current) {
    return CliError(fmt::format("Expected replicas to be {}, was {}", *request.current, current));
  }
  const std::string version = TextAt(scale, "metadata", "resourceVersion");
  if (!request.resource_version.empty() && request.resource_version != version) {
    return CliError(fmt::format("Expected resource version to be {}, was {}",
                                request.resource_version, version));
  }
  scale["spec"]["replicas"] = request.replicas;
  TRY(session.api().Update(resource, key, scale, options, "scale"));
  return {};
}

}  // namespace

Result<> ScaleObject(Session& session, const Resource& resource, const ObjectKey& key,
                     const ScaleRequest& request) {
  Environment& environment = session.api().environment();
  const Duration begin = environment.clock.Monotonic();
  while (true) {
    const auto scaled = TryScale(session, resource, key, request);
    const bool is_conflict = !scaled && scaled.error().reason == Reason::kConflict;
    if (!is_conflict || environment.clock.Monotonic() - begin >= kConflictPatience) return scaled;
    environment.pause(kLookPeriod);
  }
}

Result<> WaitForScale(Session& session, const Resource& resource, const ObjectKey& key,
                      int64_t replicas, Duration timeout) {
  Environment& environment = session.api().environment();
  const Duration begin = environment.clock.Monotonic();
  while (true) {
    // Which fields of the object these are its kind knows.
    const Json scale = TRY(session.api().Get(resource, key, "scale"));
    // Somebody else has asked for another number: this one is waited for no more.
    if (IntAt(scale, "spec", "replicas") != replicas) return {};
    if (IntAt(scale, "status", "replicas") == replicas) return {};
    if (environment.clock.Monotonic() - begin >= timeout) {
      return CliError(fmt::format("timed out waiting for {} to be synced", GoQuote(key.name)));
    }
    environment.pause(kLookPeriod);
  }
}

Result<> RunScale(Command& command, const Args& args) {
  PrintFlags print;
  FileFlags files;
  DryRun dry_run;
  RecordFlag record;
  SelectorFlags selectors;
  ScaleRequest request;
  int replicas = -1;
  int current = -1;
  Duration timeout = Duration(0);
  print.AddTo(command);
  files.AddTo(command);
  dry_run.AddTo(command);
  record.AddTo(command);
  command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  command.Flag("all", selectors.all, "All objects of the named kinds.");
  command.Flag("replicas", replicas, "The new desired number of replicas.");
  command.Flag("current-replicas", current, "Precondition for the current size.");
  command.Flag("resource-version", request.resource_version, "Precondition for the version.");
  command.Flag("timeout", timeout, "How long to wait for the scaling; 0 does not wait.");
  command.Require("replicas");
  TRY(command.Parse(args));
  TRY(dry_run.Check());
  TRY(print.Check());
  if (replicas < 0) {
    return CliError(
        "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0");
  }
  if (current < -1) {
    return CliError("The --current-replicas must specify an integer of -1 or greater");
  }
  request.replicas = replicas;
  if (current >= 0) request.current = current;
  request.dry_run = dry_run.Parameter();
  Session& session = *TRY(command.session());
  const auto targets =
      TRY(FindTargets(command, command.words(),
                      {.files = &files, .selectors = selectors, .misses_are_unread = false}));
  if (targets.empty() && command.exit_code() == 0) return CliError("no objects passed to scale");
  if (!request.resource_version.empty() && targets.size() > 1) {
    return CliError("cannot use --resource-version with multiple resources");
  }
  const bool waits = timeout > Duration(0) && dry_run.value == "none";
  for (const Target& target : targets) {
    if (!dry_run.client()) {
      const auto done = ScaleObject(session, target.resource, target.key, request);
      if (!done) return Fail(done.error());  // As kubectl, which leaves those behind it alone.
      const auto synced =
          waits ? WaitForScale(session, target.resource, target.key, replicas, timeout)
                : Result<>();
      if (!synced) return Fail(synced.error());
      record.Apart(target.resource, target.key, {.dry_run = request.dry_run}, "");
    }
    TRY(PrintOutcome(command, print, target.object, target.resource, "scaled" + dry_run.Suffix()));
  }
  return {};
}

}  // namespace skiff::cli
