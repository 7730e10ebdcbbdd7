#include "cli/kustomize/variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/errors.h"
#include "cli/json_text.h"
#include "cli/kustomize/replace.h"

namespace skiff::cli::kustomize {
namespace {

// Puts values into texts, and notes which were used.
class Expansion {
 public:
  explicit Expansion(std::map<std::string, Json> values) : values_(std::move(values)) {}

  Result<> Apply(Json& field) {
    if (field.is_string()) return ApplyToText(field);
    if (!field.is_structured()) return {};
    for (Json& each : field) {
      if (each.is_string()) {
        TRY(ApplyToText(each));
      } else if (field.is_array()) {
        return CliError("invalid value type expect a string");
      }
    }
    return {};
  }
  const std::set<std::string>& used() const { return used_; }

 private:
  // A text that is nothing but a reference becomes the value, of whatever type.
  Result<> ApplyToText(Json& field) {
    const std::string text = TextOf(field);
    std::string out;
    for (size_t at = 0; at < text.size(); ++at) {
      if (text[at] != '$' || at + 1 == text.size()) {
        out += text[at];
        continue;
      }
      const char next = text[at + 1];
      const size_t end = next == '(' ? text.find(')', at) : std::string::npos;
      if (end == std::string::npos) {
        out += next == '$' ? "$" : std::string("$") + next;
        ++at;
        continue;
      }
      const std::string name = text.substr(at + 2, end - at - 2);
      const auto found = values_.find(name);
      if (found == values_.end()) {
        out += text.substr(at, end - at + 1);
      } else {
        used_.insert(name);
        if (at == 0 && end + 1 == text.size()) {
          field = found->second;
          return {};
        }
        const std::string value = PlainText(found->second);
        copied_ += value.size();
        if (copied_ > kCopiedBytesMax) {
          return CliError(fmt::format("vars come to more than {} MiB", kCopiedBytesMax >> 20));
        }
        out += value;
      }
      at = end;
    }
    field = std::move(out);
    return {};
  }

  const std::map<std::string, Json> values_;
  std::set<std::string> used_;
  size_t copied_ = 0;
};

ResourceId TargetOf(const Json& variable) {
  const Json& reference = At(variable, "objref");
  Gvk gvk{TextAt(reference, "group"), TextAt(reference, "version"), TextAt(reference, "kind")};
  const std::string api_version = TextAt(reference, "apiVersion");
  if (!api_version.empty()) gvk = MakeGvk(api_version, gvk.kind);
  return {gvk, TextAt(reference, "name"), TextAt(reference, "namespace")};
}

// "containers[0].image" -> containers, 0, image
std::vector<std::string> ValuePath(std::string path) {
  for (size_t at = path.find('['); at != std::string::npos; at = path.find('[', at + 1)) {
    const size_t end = path.find(']', at);
    const bool number = end != std::string::npos && end > at + 1 && at > 0 &&
                        path.find_first_not_of("0123456789", at + 1) == end;
    if (!number) continue;
    path.erase(end, 1);
    path[at] = '.';
  }
  return SplitFieldPath(path);
}

// As Go prints a var.
std::string GoVariable(const std::string& name, const Json& variable) {
  const std::string path = TextAt(variable, "fieldref", "fieldPath");
  return fmt::format("{{{} {} {{{}}}}}", name, TargetOf(variable).gvk.Text(),
                     path.empty() ? "metadata.name" : path);
}

Result<Json> ValueOf(const std::string& name, const Json& variable, const ResourceSet& resources) {
  for (const auto& each : resources.all()) {
    const auto& names = each->variables;
    if (std::find(names.begin(), names.end(), name) == names.end()) continue;
    std::string path = TextAt(variable, "fieldref", "fieldPath");
    if (path.empty()) path = "metadata.name";
    const Json* value = Lookup(each->object, ValuePath(path));
    if (value == nullptr || value->is_structured()) {
      return CliError(fmt::format("field specified in var '{}' not found in corresponding resource",
                                  GoVariable(name, variable)));
    }
    return *value;
  }
  return CliError(fmt::format("var '{}' cannot be mapped to a field in the set of known resources",
                              GoVariable(name, variable)));
}

}  // namespace

Result<> AddVariables(const std::vector<Json>& given, ResourceSet& resources,
                      Variables& variables) {
  for (const Json& variable : given) {
    const ResourceId target = TargetOf(variable);
    const auto matches = resources.Find([&](const ResourceId& id) {
      return id.name == target.name && id.gvk == target.gvk &&
             (target.namespace_.empty() || id.SameNamespace(target));
    });
    const std::string name = TextAt(variable, "name");
    if (matches.size() > 1) {
      return CliError(fmt::format("found {} resId matches for var {} (unable to disambiguate)",
                                  matches.size(), name));
    }
    if (matches.size() == 1) matches[0]->variables.push_back(name);
  }
  Variables own;
  for (const Json& variable : given) {
    TRY(MergeVariables({{TextAt(variable, "name"), variable}}, own));
  }
  return MergeVariables(std::move(own), variables);
}

Result<> MergeVariables(Variables from, Variables& into) {
  for (auto& [name, variable] : from) {
    if (into.emplace(name, std::move(variable)).second) continue;
    return CliError(fmt::format("var '{}' already encountered", name));
  }
  return {};
}

Result<> ResolveVariables(ResourceSet& resources, const Variables& variables,
                          const FieldSpecs& specs, std::vector<std::string>& unused) {
  if (variables.empty()) return {};
  std::map<std::string, Json> values;
  for (const auto& [name, variable] : variables) {
    values[name] = TRY(ValueOf(name, variable, resources));
  }
  Expansion expansion(std::move(values));
  for (const auto& each : resources.all()) {
    for (const FieldSpec& spec : specs) {
      TRY(ChangeField(each->object, spec, Make::kNothing,
                      [&](Json& field) { return expansion.Apply(field); }));
    }
  }
  for (const auto& [name, variable] : variables) {
    if (!expansion.used().contains(name)) unused.push_back(name);
  }
  return {};
}

}  // namespace skiff::cli::kustomize
