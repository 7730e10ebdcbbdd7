#include "cli/why/facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/pods/mirror_pods.h"
#include "api/select/selector.h"
#include "api/text/human_duration.h"
#include "base/seconds.h"
#include "cli/events.h"
#include "cli/rollout.h"

namespace skiff::cli::why {
namespace {

const Json kNone;
constexpr std::string_view kSimulatedRuntime = "fake://";

bool IsAbout(const Json& event, const Json& object) {
  const Json& about = At(event, "involvedObject");
  const std::string uid = TextAt(about, "uid");
  const std::string own = TextAt(object, "metadata", "uid");
  const std::string kind = TextAt(object, "kind");
  if (uid.empty() || own.empty()) {
    return TextAt(about, "name") == NameOf(object) && TextAt(about, "kind") == kind;
  }
  if (uid == own) return true;
  // The kubelet names its node as uid, and of a pod of a file the one that it has there.
  if (kind == "Node") return uid == NameOf(object);
  return kind == "Pod" && uid == TextAt(object, "metadata", "annotations", kMirrorPodAnnotation);
}

}  // namespace

bool IsSimulatedPod(const Json& pod) {
  const Json& statuses = At(pod, "status", "containerStatuses");
  return !statuses.empty() && TextAt(statuses[0], "containerID").starts_with(kSimulatedRuntime);
}

bool IsSimulatedNode(const Json& node) {
  return IsSimulatedRuntime(TextAt(node, "status", "nodeInfo", "containerRuntimeVersion"));
}

bool IsSimulatedRuntime(std::string_view version) {
  return version.starts_with(kSimulatedRuntime);
}

const std::vector<Json>& Facts::Of(std::string_view resource) const {
  static const std::vector<Json> kEmpty;
  const auto found = lists.find(resource);
  return found == lists.end() ? kEmpty : found->second;
}

const Json* Facts::Find(std::string_view resource, std::string_view namespace_,
                        std::string_view name) const {
  for (const Json& each : Of(resource)) {
    if (NameOf(each) == name && NamespaceOf(each) == namespace_) return &each;
  }
  return nullptr;
}

std::vector<const Json*> Facts::EventsOf(const Json& object) const {
  std::vector<const Json*> found;
  for (const Json& event : Of("events")) {
    if (IsAbout(event, object)) found.push_back(&event);
  }
  std::stable_sort(found.begin(), found.end(), [](const Json* a, const Json* b) {
    return EventLastSeen(*a) > EventLastSeen(*b);
  });
  return found;
}

const Json* Facts::Event(const Json& object, std::string_view reason,
                         std::string_view begin) const {
  for (const Json* event : EventsOf(object)) {
    if (TextAt(*event, "reason") == reason && TextAt(*event, "message").starts_with(begin)) {
      return event;
    }
  }
  return nullptr;
}

std::string LogKey(const Json& pod, std::string_view container) {
  return fmt::format("{}/{}/{}", NamespaceOf(pod), NameOf(pod), container);
}

std::string Age(const Facts& facts, const std::string& since) {
  const auto time = Time::Parse(since);
  if (since.empty() || !time) return "some time";
  return HumanDuration(std::max(Between(time->point(), facts.now), Duration(0)));
}

std::string EventSource(const Facts& facts, const Json& event) {
  const Json& series = At(event, "series");
  const int64_t count = series.is_object() ? IntAt(series, "count") : IntAt(event, "count");
  return fmt::format("event {}, {} ago{}", TextAt(event, "reason"),
                     Age(facts, EventLastSeen(event)),
                     count > 1 ? fmt::format(", {} times", count) : "");
}

std::string OneLine(std::string_view text) {
  constexpr size_t kLengthMax = 400;
  std::string line;
  for (const char c : text) {
    const bool blank = c == '\n' || c == '\t' || c == '\r' || c == ' ';
    if (blank && (line.empty() || line.back() == ' ')) continue;
    line += blank ? ' ' : c;
    if (line.size() == kLengthMax) return line + "...";
  }
  while (line.ends_with(' ') || line.ends_with('.')) line.pop_back();
  return line;
}

std::string Count(size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string Some(const std::vector<std::string>& names) {
  constexpr size_t kShownMax = 3;
  if (names.size() <= kShownMax + 1) return Join(names, ", ");
  const std::vector<std::string> shown(names.begin(), names.begin() + kShownMax);
  return fmt::format("{} and {} more", Join(shown, ", "), names.size() - kShownMax);
}

std::string Named(const Json& object) {
  return Lower(TextAt(object, "kind")) + "/" + NameOf(object);
}

std::string CommandFor(const Json& object, std::string_view words) {
  const std::string namespace_ = NamespaceOf(object);
  return fmt::format("skiff {}{}", words, namespace_.empty() ? "" : " -n " + namespace_);
}

const Json& Condition(const Json& object, std::string_view type) {
  for (const Json& condition : At(object, "status", "conditions")) {
    if (TextAt(condition, "type") == type) return condition;
  }
  return kNone;
}

bool Selects(const Json& selector, const Json& labels) {
  const std::string text = SelectorText(selector);
  if (text.empty()) return false;
  const auto parsed = LabelSelector::Parse(text);
  if (!parsed) return false;
  std::map<std::string, std::string> texts;
  if (labels.is_object()) {
    for (const auto& [key, value] : labels.items()) texts[key] = TextOf(value);
  }
  return parsed->Matches(texts);
}

std::string WorkloadOf(const Json& pod) {
  const Json& owner = Controller(pod);
  if (owner.is_null()) return "pod/" + NameOf(pod);
  const std::string kind = TextAt(owner, "kind");
  const std::string name = TextAt(owner, "name");
  const std::string hash = "-" + TextAt(pod, "metadata", "labels", "pod-template-hash");
  const bool of_deployment = kind == "ReplicaSet" && hash.size() > 1 && name.ends_with(hash);
  if (!of_deployment) return Lower(kind) + "/" + name;
  return "deployment/" + name.substr(0, name.size() - hash.size());
}

const Json& Controller(const Json& object) {
  for (const Json& owner : At(object, "metadata", "ownerReferences")) {
    if (IsTrue(At(owner, "controller"))) return owner;
  }
  return kNone;
}

}  // namespace skiff::cli::why
