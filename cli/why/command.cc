// `why`: what is the matter with a pod, a service, a claim, an ingress, what makes pods, or
// anything.
#include <string_view>
#include <utility>

#include "cli/why/explain.h"
#include "cli/why/gather.h"

#include "api/text/yaml.h"
#include "cli/selection.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

// Looked for under a bare name, in this order.
constexpr const char* kByName[] = {"pods",       "services",    "persistentvolumeclaims",
                                   "ingresses",  "deployments", "statefulsets",
                                   "daemonsets", "jobs",        "cronjobs"};

// What people call kinds, where no kind of the server has that name.
constexpr std::pair<std::string_view, const char*> kCalled[] = {
    {"autoscaler", "horizontalpodautoscalers"},
    {"budget", "poddisruptionbudgets"},
    {"claim", "persistentvolumeclaims"},
    {"definition", "customresourcedefinitions"},
    {"policy", "networkpolicies"},
    {"request", "certificatesigningrequests"},
    {"volume", "persistentvolumes"},
};

std::string PluralOf(std::string_view word) {
  if (!word.ends_with('y')) return std::string(word) + "s";
  return std::string(word.substr(0, word.size() - 1)) + "ies";
}

// Where nothing was found: whether that is because the namespace is not there. Who may not see
// namespaces is not told.
Result<> CheckNamespace(Session& session) {
  const auto kind = session.kinds().Find("namespaces");
  if (!kind) return {};
  const auto found = session.api().Get(kind->resource, {"", session.namespace_()});
  if (found || found.error().reason != Reason::kNotFound) return {};
  return CliError(fmt::format("namespace \"{}\" does not exist", session.namespace_()));
}

tl::unexpected<Error> NameIsMissing(Command& command, const std::string& type) {
  return command.UsageError(
      fmt::format("a name is required: {} why {} NAME", command.environment().program, type));
}

// "persistentvolumeclaims" of "claim" and "claims"; any other type as it is.
std::string TypeCalled(Session& session, const std::string& type) {
  for (const auto& [word, resource] : kCalled) {
    if (type != word && type != PluralOf(word)) continue;
    return session.kinds().Find(type) ? type : resource;
  }
  return type;
}

// Everything of that name that can be explained.
Result<std::vector<Json>> FindByName(Command& command, Session& session, const std::string& name) {
  std::vector<Json> found;
  std::vector<std::string> hidden;
  for (const char* resource : kByName) {
    const ServedKind kind = TRY(session.kinds().Find(resource));
    auto object = session.api().Get(kind.resource, {session.namespace_(), name});
    if (object) {
      found.push_back(std::move(*object));
      continue;
    }
    const Reason reason = object.error().reason;
    if (reason != Reason::kNotFound && reason != Reason::kForbidden) return Fail(object.error());
    if (reason == Reason::kForbidden) hidden.emplace_back(resource);
  }
  if (!found.empty()) return found;
  if (!hidden.empty()) {
    return CliError(
        fmt::format("nothing called \"{}\" was found in namespace {}, where you may "
                    "not look at {}",
                    name, session.namespace_(), Join(hidden, ", ")));
  }
  TRY(CheckNamespace(session));
  if (session.kinds().Find(TypeCalled(session, name))) return NameIsMissing(command, name);
  return CliError(
      fmt::format("namespace {} has no pod, service, claim, ingress or workload called \"{}\"",
                  session.namespace_(), name));
}

// The words with the names of kinds that the server knows: of each TYPE/NAME, or of the one TYPE
// that stands before names.
Args WithKnownTypes(Session& session, Args words) {
  const bool has_type = words[0].find('/') == std::string::npos;
  if (has_type && words.size() == 1) return words;  // That is a name.
  for (std::string& word : words) {
    const size_t slash = word.find('/');
    if (slash == std::string::npos) continue;
    word = TypeCalled(session, word.substr(0, slash)) + word.substr(slash);
  }
  if (has_type) words[0] = TypeCalled(session, words[0]);
  return words;
}

Result<std::vector<Json>> FindObjects(Command& command, const Args& typed) {
  Session& session = *TRY(command.session());
  const Args words = WithKnownTypes(session, typed);
  // "pod/"
  if (words.size() == 1 && words[0].ends_with('/')) {
    const std::string type = words[0].substr(0, words[0].size() - 1);
    if (session.kinds().Find(type)) return NameIsMissing(command, type);
  }
  if (words.size() == 1 && words[0].find('/') == std::string::npos) {
    return FindByName(command, session, words[0]);
  }
  auto targets = TRY(FindTargets(command, words, {}));
  if (targets.empty()) TRY(CheckNamespace(session));
  std::vector<Json> found;
  for (Target& target : targets) {
    found.push_back(std::move(target.object));
  }
  return found;
}

}  // namespace

Result<> RunWhy(Command& command, const Args& args) {
  std::string output;
  command.Flag("output,o", output, "Print the explanations as documents: json or yaml.");
  TRY(command.Parse(args));
  if (!output.empty() && output != "json" && output != "yaml") {
    return command.UsageError(
        fmt::format("unexpected -o output mode: {}. We only support json and yaml", output));
  }
  if (command.words().empty()) {
    return command.UsageError(
        "a name is required: a pod, service, claim, ingress or workload; of other kinds TYPE/NAME");
  }
  auto objects = TRY(FindObjects(command, command.words()));
  Session& session = *TRY(command.session());
  Json documents = Json::array();
  std::string text;
  for (Json& object : objects) {
    const why::Facts facts =
        TRY(why::Gather(session, command.environment().clock.Now(), std::move(object)));
    const why::Explanation explanation = why::Explain(facts);
    documents.push_back(why::DocumentFor(explanation));
    text += (text.empty() ? "" : "\n") +
            why::TextFor(explanation, Colours(command.environment().ShowsColours()));
  }
  const Json all = {{"explanations", std::move(documents)}};
  command.environment().out(output.empty()     ? text
                            : output == "yaml" ? DumpYaml(all)
                                               : PrettyJson(all));
  return {};
}

}  // namespace skiff::cli
