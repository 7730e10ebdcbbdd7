// What was read of a cluster to explain an object of it. Deciding what it means asks nobody.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/shell_word.h"
#include "cli/json_text.h"

namespace skiff::cli::why {

struct Facts {
  TimePoint now;
  Json object;  // What is to be explained.
  // Objects by the resource they are: "pods", "nodes". A list that is missing was not read.
  std::map<std::string, std::vector<Json>, std::less<>> lists;
  std::map<std::string, std::string, std::less<>> unread;  // Why not, by resource.
  std::map<std::string, std::string, std::less<>> logs;    // Last lines, by LogKey.

  // Empty where it was not read.
  const std::vector<Json>& Of(std::string_view resource) const;
  bool Has(std::string_view resource) const { return lists.contains(resource); }
  // nullptr: there is none, or it was not read. `namespace_` is "" for what is in none.
  const Json* Find(std::string_view resource, std::string_view namespace_,
                   std::string_view name) const;
  // About that object, the newest first.
  std::vector<const Json*> EventsOf(const Json& object) const;
  // The newest event about the object with that reason and that beginning; nullptr: none.
  const Json* Event(const Json& object, std::string_view reason, std::string_view begin = "") const;
};

// Whether a pod's containers, or those of a node, are simulated (`skiff up --nodes=N`): nothing in
// them runs, and their network is not there.
bool IsSimulatedPod(const Json& pod);
bool IsSimulatedNode(const Json& node);
// By a Node's containerRuntimeVersion.
bool IsSimulatedRuntime(std::string_view version);

// Where names are looked up, as lists of facts: the Service of the cluster's DNS, and its slices.
inline constexpr char kNameService[] = "services of kube-dns";
inline constexpr char kNameSlices[] = "endpointslices of kube-dns";

std::string LogKey(const Json& pod, std::string_view container);

// "5m", of a time as the API writes it; "some time" where it says none.
std::string Age(const Facts& facts, const std::string& since);
// "event FailedScheduling, 12s ago, 3 times"
std::string EventSource(const Facts& facts, const Json& event);
// On one line, and not longer than people read.
std::string OneLine(std::string_view text);
// "1 node", "3 nodes"
std::string Count(size_t count, std::string_view noun);
// "has" or "have"
inline const char* HasOrHave(size_t count) {
  return count == 1 ? "has" : "have";
}
// "a, b, c and 5 more"
std::string Some(const std::vector<std::string>& names);
// "deployment/web"
std::string Named(const Json& object);
// "skiff VERB", and where the object is.
std::string CommandFor(const Json& object, std::string_view words);
// The condition of that type; null where there is none.
const Json& Condition(const Json& object, std::string_view type);
// Whether the labels of an object are among those that a selector of either form asks for. An empty
// one takes nothing.
bool Selects(const Json& selector, const Json& labels);
// Whose template the pod is made of: "deployment/web", "statefulset/db"; "pod/web" of a pod alone.
std::string WorkloadOf(const Json& pod);
// The controller that owns the object; null where there is none.
const Json& Controller(const Json& object);

}  // namespace skiff::cli::why
