#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "cli/api.h"
#include "cli/json_text.h"
#include "cli/rollout.h"
#include "cli/streams.h"

namespace skiff::cli {
namespace {

Json ReadyCondition(const Json& pod) {
  for (const Json& condition : At(pod, "status", "conditions")) {
    if (TextAt(condition, "type") == "Ready") return condition;
  }
  return {};
}

// Pods that have ended have logs to show, but run no commands.
int PhaseRank(const std::string& phase, PodUse use) {
  if (phase == "Running") return 0;
  if (phase == "Unknown") return 1;
  return phase != "Pending" && use == PodUse::kLogs ? 0 : 2;
}

// The most of one container, and of one sidecar.
std::pair<int64_t, int64_t> MostRestarts(const Json& pod) {
  std::set<std::string> sidecars;
  for (const Json& container : At(pod, "spec", "initContainers")) {
    if (TextAt(container, "restartPolicy") == "Always") sidecars.insert(TextAt(container, "name"));
  }
  std::pair<int64_t, int64_t> most;
  for (const Json& status : At(pod, "status", "containerStatuses")) {
    most.first = std::max(most.first, IntAt(status, "restartCount"));
  }
  for (const Json& status : At(pod, "status", "initContainerStatuses")) {
    if (!sidecars.contains(TextAt(status, "name"))) continue;
    most.second = std::max(most.second, IntAt(status, "restartCount"));
  }
  return most;
}

// What of two pods makes one of them the better choice: the smaller rank, in kubectl's order.
// Times are as the API writes them, so that the earlier is the smaller text.
auto RankOf(const Json& pod, PodUse use) {
  static constexpr char kNever[] = "~";
  const auto or_never = [](std::string time) { return time.empty() ? kNever : std::move(time); };
  const Json ready = ReadyCondition(pod);
  const bool is_ready = TextAt(ready, "status") == "True";
  const bool leaves = !TextAt(pod, "metadata", "deletionTimestamp").empty();
  auto restarts = MostRestarts(pod);
  if (use == PodUse::kLogs) restarts = {-restarts.first, -restarts.second};
  return std::tuple(TextAt(pod, "spec", "nodeName").empty(),
                    PhaseRank(TextAt(pod, "status", "phase"), use), !is_ready,
                    use == PodUse::kCommands && leaves,
                    is_ready ? or_never(TextAt(ready, "lastTransitionTime")) : "", restarts,
                    or_never(TextAt(pod, "metadata", "creationTimestamp")));
}

// The first pod of those labels that comes.
Result<Json> AwaitPod(Session& session, const Resource& pods, const std::string& selector,
                      Duration timeout) {
  const SystemClock clock;
  constexpr Duration kLongest = std::chrono::hours(24 * 365);
  const Duration end = clock.Monotonic() + std::min(timeout, kLongest);
  const std::string path = TRY(pods.CollectionPath(session.namespace_()));
  while (clock.Monotonic() < end) {
    Query query = {{"labelSelector", selector}};
    const Json list = TRY(session.api().Get(path, query));
    if (const Json& items = At(list, "items"); !items.empty()) return items[0];
    query.emplace_back("watch", "true");
    query.emplace_back("resourceVersion", TextAt(list, "metadata", "resourceVersion"));
    EventReader events(session.api().environment(),
                       TRY(session.api().GetStream(path, std::move(query))));
    while (true) {
      const auto event = events.Next(std::max(end - clock.Monotonic(), Duration(0)));
      if (!event) {
        const Reason reason = event.error().reason;
        // The version was too old to watch from: look again.
        if (reason == Reason::kTimeout || reason == Reason::kExpired) break;
        return Fail(event.error());
      }
      if (!*event) break;
      const WatchEvent::Type type = (*event)->type;
      const bool has_come = type == WatchEvent::Type::kAdded || type == WatchEvent::Type::kModified;
      if (has_come) return (*event)->object.Parse();
    }
    session.PauseBetweenWatches(end - clock.Monotonic());
  }
  return CliError("timed out waiting for the condition");
}

// Of an object that leads to no pods, by its kind or as it is.
tl::unexpected<Error> HasNoSelector(const Resource& resource, const std::string& name, PodUse use) {
  const std::string& version = resource.api_version;
  const std::string type =
      fmt::format("*{}.{}", version.substr(version.rfind('/') + 1), resource.kind);
  const char* what = use == PodUse::kLogs ? "get the logs from" : "attach to";
  if (GroupKind(resource) == "Service") {
    return CliError(
        fmt::format("cannot {} {}: invalid service '{}': Service is defined without a selector",
                    what, type, name));
  }
  return CliError(fmt::format("cannot {} {}: selector for {} not implemented", what, type, type));
}

}  // namespace

Result<> CheckPodRunningTimeout(const Command& command, Duration timeout) {
  if (timeout > Duration(0)) return {};
  return command.UsageError("--pod-running-timeout must be higher than zero");
}

Result<Json> FindPod(Command& command, const std::string& word, PodUse use, Duration timeout) {
  Session& session = *TRY(command.session());
  const ServedKind pods = TRY(session.kinds().Find("pods"));
  if (word.find('/') == std::string::npos) {
    return session.api().Get(pods.resource, {session.namespace_(), word});
  }
  const Selections selections = TRY(ParseSelections(command, {word}));
  const Selection& selection = selections.items[0];
  const ObjectKey key = {session.NamespaceFor(selection.kind.resource), selection.names[0]};
  Json owner = TRY(session.api().Get(selection.kind.resource, key));
  TRY(RequireOwnKind(command, selection.kind));
  if (GroupKind(selection.kind.resource) == "Pod") return owner;
  const std::string selector = SelectorText(At(owner, "spec", "selector"));
  if (selector.empty()) return HasNoSelector(selection.kind.resource, key.name, use);
  ListOptions options;
  options.namespace_ = session.namespace_();
  options.label_selector = selector;
  JsonList list = TRY(session.api().List(pods.resource, options));
  if (list.items.empty()) return AwaitPod(session, pods.resource, selector, timeout);
  std::stable_sort(list.items.begin(), list.items.end(),
                   [&](const Json& a, const Json& b) { return RankOf(a, use) < RankOf(b, use); });
  if (use == PodUse::kLogs && list.items.size() > 1) {
    command.Warn("Found {} pods, using pod/{}\n", list.items.size(), NameOf(list.items[0]));
  }
  return std::move(list.items[0]);
}

}  // namespace skiff::cli
