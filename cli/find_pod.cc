#include <algorithm>

#include "cli/json_text.h"
#include "cli/rollout.h"
#include "cli/streams.h"

namespace skiff::cli {
namespace {

// Running and ready ones first, then by name.
int Rank(const Json& pod) {
  if (TextAt(pod, "status", "phase") != "Running") return 2;
  for (const Json& condition : At(pod, "status", "conditions")) {
    if (TextAt(condition, "type") == "Ready" && TextAt(condition, "status") == "True") return 0;
  }
  return 1;
}

}  // namespace

Result<Json> FindPod(Command& command, const std::string& word, bool tells) {
  Session& session = *TRY(command.session());
  const ServedKind pods = TRY(session.kinds().Find("pods"));
  if (word.find('/') == std::string::npos) {
    return session.api().Get(pods.resource, {session.namespace_(), word});
  }
  const Selections selections = TRY(ParseSelections(command, {word}));
  const Selection& selection = selections.items[0];
  const ObjectKey key = {session.NamespaceFor(selection.kind.resource), selection.names[0]};
  Json owner = TRY(session.api().Get(selection.kind.resource, key));
  if (selection.kind.resource.kind == "Pod") return owner;
  const std::string selector = SelectorText(At(owner, "spec", "selector"));
  if (selector.empty()) {
    return CliError(fmt::format("cannot get pods of {}: it has no selector", word));
  }
  ListOptions options;
  options.namespace_ = session.namespace_();
  options.label_selector = selector;
  JsonList list = TRY(session.api().List(pods.resource, options));
  if (list.items.empty()) {
    return CliError(fmt::format("timed out waiting for the condition: no pod of {}", word));
  }
  std::stable_sort(list.items.begin(), list.items.end(), [](const Json& a, const Json& b) {
    return std::pair(Rank(a), NameOf(a)) < std::pair(Rank(b), NameOf(b));
  });
  if (tells && list.items.size() > 1) {
    command.Warn("Found {} pods, using pod/{}\n", list.items.size(), NameOf(list.items[0]));
  }
  return std::move(list.items[0]);
}

}  // namespace skiff::cli
