// `why`: what is the matter with a pod, a service, a claim, an ingress, what makes pods, or
// anything.
#include <algorithm>
#include <string_view>
#include <utility>

#include "api/text/yaml.h"
#include "base/did_you_mean.h"
#include "cli/selection.h"
#include "cli/verbs.h"
#include "cli/why/explain.h"
#include "cli/why/gather.h"
#include "cli/why/type_called.h"

namespace skiff::cli {
namespace {

// Looked for under a bare name, in this order.
constexpr const char* kByName[] = {"pods",       "services",    "persistentvolumeclaims",
                                   "ingresses",  "deployments", "statefulsets",
                                   "daemonsets", "jobs",        "cronjobs"};

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

constexpr size_t kNearShownMax = 5;

// Those of the names that the one which was typed may be meant for: that are like it, or that it
// begins, as those of a Deployment's pods. The first of them.
std::vector<std::string_view> NamesNear(const std::string& name,
                                        const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::vector<std::string_view> near = NearestWords(name, views);
  for (const std::string_view each : views) {
    const bool is_new = std::find(near.begin(), near.end(), each) == near.end();
    if (is_new && each.starts_with(name)) near.push_back(each);
  }
  if (near.size() > kNearShownMax) near.resize(kNearShownMax);
  return near;
}

std::string WhereIs(const Session& session, const Selection& selection) {
  return selection.namespace_.value_or(session.NamespaceFor(selection.kind.resource));
}

// Among so many names one that is near is looked for.
constexpr char kNearPage[] = "500";
constexpr char kNamesAlone[] =
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

// Those of the kind that are there; none where they may not be read. However many there are: one
// page, for a word of advice.
std::vector<std::string> NamesThere(Session& session, const Resource& resource,
                                    const std::string& namespace_) {
  const auto path = resource.CollectionPath(namespace_);
  if (!path) return {};
  const auto page = session.api().Get(*path, Query{{"limit", kNearPage}}, kNamesAlone);
  if (!page) return {};
  std::vector<std::string> names;
  for (const Json& each : At(*page, "items")) names.push_back(NameOf(each));
  return names;
}

// In which namespace it was looked for, and what is there that may be meant.
Error NotFoundThere(Session& session, const Selection& selection, const std::string& name,
                    Error error) {
  const Resource& resource = selection.kind.resource;
  const std::string where = WhereIs(session, selection);
  if (resource.namespaced) error.message += " in namespace " + where;
  error.message += MeantText(NamesNear(name, NamesThere(session, resource, where)));
  return error;
}

// What is not there is told of, and the others are explained.
Result<std::vector<Json>> FindNamed(Command& command, const Selections& selections) {
  Session& session = *TRY(command.session());
  std::vector<Json> found;
  for (const Selection& selection : selections.items) {
    for (const std::string& name : selection.names) {
      auto object = session.api().Get(selection.kind.resource, {WhereIs(session, selection), name});
      if (object) {
        found.push_back(std::move(*object));
      } else if (object.error().reason == Reason::kNotFound) {
        command.Report(NotFoundThere(session, selection, name, object.error()));
      } else {
        command.Report(object.error());
      }
    }
  }
  return found;
}

// "deployment/web", "node/n1": what may be meant by a name that nothing looked for under bare names
// has. What is called so and of another kind that is explained, else what is called nearly so.
std::vector<std::string> MeantByName(Session& session, const std::string& name) {
  constexpr const char* kByTypeAlone[] = {"nodes",
                                          "horizontalpodautoscalers",
                                          "poddisruptionbudgets",
                                          "replicasets",
                                          "namespaces",
                                          "persistentvolumes",
                                          "resourcequotas",
                                          "serviceaccounts",
                                          "certificatesigningrequests",
                                          "customresourcedefinitions"};
  std::vector<std::string> meant;
  for (const char* type : kByTypeAlone) {
    const auto kind = session.kinds().Find(type);
    if (!kind) continue;
    const Resource& resource = kind->resource;
    const auto found = session.api().Get(resource, {session.NamespaceFor(resource), name});
    if (found) meant.push_back(Lower(resource.kind) + "/" + name);
  }
  if (!meant.empty()) return meant;
  for (const char* type : kByName) {
    const auto kind = session.kinds().Find(type);
    if (!kind) continue;
    const auto names = NamesThere(session, kind->resource, session.namespace_());
    for (const std::string_view near : NamesNear(name, names)) {
      meant.push_back(Lower(kind->resource.kind) + "/" + std::string(near));
    }
  }
  if (meant.size() > kNearShownMax) meant.resize(kNearShownMax);
  return meant;
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
  if (session.kinds().Find(why::TypeCalled(session, name))) return NameIsMissing(command, name);
  return CliError(
      fmt::format("namespace {} has no pod, service, claim, ingress or workload called \"{}\"{}",
                  session.namespace_(), name, MeantText(MeantByName(session, name))));
}

// The words with the names of kinds that the server knows: of each TYPE/NAME, or of the one TYPE
// that stands before names.
Args WithKnownTypes(Session& session, Args words) {
  const bool has_type = words[0].find('/') == std::string::npos;
  if (has_type && words.size() == 1) return words;  // That is a name.
  for (std::string& word : words) {
    const size_t slash = word.find('/');
    if (slash == std::string::npos) continue;
    word = why::TypeCalled(session, word.substr(0, slash)) + word.substr(slash);
  }
  if (has_type) words[0] = why::TypeCalled(session, words[0]);
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
  const Selections selections = TRY(ParseSelections(command, words));
  const bool are_named = std::none_of(selections.items.begin(), selections.items.end(),
                                      [](const Selection& each) { return each.names.empty(); });
  std::vector<Json> found;
  if (are_named) {
    found = TRY(FindNamed(command, selections));
  } else {
    for (Target& target : TRY(FindTargets(command, words, {}))) {
      found.push_back(std::move(target.object));
    }
  }
  if (found.empty()) TRY(CheckNamespace(session));
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
