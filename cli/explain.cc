// `explain`: what the fields of a kind mean, from the server's OpenAPI v3 documents.
#include <algorithm>

#include "api/text/group_version.h"
#include "api/text/runes.h"
#include "base/did_you_mean.h"
#include "cli/explain.h"
#include "cli/session.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

constexpr size_t kLineWidth = 76;
constexpr size_t kEnumValuesMax = 4;

std::string Wrapped(const std::string& text, const std::string& indent) {
  std::string out;
  for (const std::string& paragraph : Split(text, '\n')) {
    std::string line;
    size_t width = 0;
    for (const std::string& word : Split(paragraph, ' ')) {
      if (word.empty()) continue;
      const size_t wide = RuneCount(word);
      if (!line.empty() && width + 1 + wide > kLineWidth) {
        out += indent + line + "\n";
        line.clear();
        width = 0;
      }
      width += wide + (line.empty() ? 0 : 1);
      line += (line.empty() ? "" : " ") + word;
    }
    out += indent + line + "\n";
  }
  return out;
}

std::vector<std::string> EnumOf(const Json& schema) {
  std::vector<std::string> values;
  for (const Json& value : At(schema, "enum")) {
    values.push_back(value == Json("") ? "\"\"" : PlainText(value));
  }
  return values;
}

// `open`: what this is a field of. Schemas refer to themselves (JSONSchemaProps), in many fields at
// once: what is open is named and not gone into again.
void WriteFields(const Explained& what, const Json& owner, int level,
                 std::vector<const Json*>& open, std::string& out) {
  const Json& properties = At(owner, "properties");
  if (!properties.is_object()) return;
  const std::string indent(static_cast<size_t>(level) * 2, ' ');
  for (const auto& [name, schema] : properties.items()) {
    out += fmt::format("{}{}\t<{}>{}\n", indent, name, what.schemas.TypeName(schema),
                       IsRequired(owner, name) ? " -required-" : "");
    auto values = EnumOf(schema);
    if (!values.empty()) {
      const bool more = values.size() > kEnumValuesMax;
      if (more) values.resize(kEnumValuesMax);
      out += fmt::format("{}enum: {}{}\n", indent, Join(values, ", "), more ? ", ...." : "");
    }
    if (what.recursive) {
      const Json& members = what.schemas.Members(schema);
      if (std::find(open.begin(), open.end(), &members) != open.end()) continue;
      open.push_back(&members);
      WriteFields(what, members, level + 1, open, out);
      open.pop_back();
      continue;
    }
    std::string text = TextAt(schema, "description");
    if (text.empty()) text = TextAt(what.schemas.Members(schema), "description");
    out += Wrapped(text.empty() ? "<no description>" : text, indent + "  ") + "\n";
  }
}

std::string Head(const Resource& resource) {
  const std::string group = resource.Group();
  return fmt::format("{}KIND:       {}\nVERSION:    {}\n\n",
                     group.empty() ? "" : fmt::format("GROUP:      {}\n", group), resource.kind,
                     VersionPart(resource.api_version));
}

// The whole path as it may have been meant, where the name at `at` is that of no field of `owner`;
// where no name is near, how they are seen.
std::string MeantPath(const Explained& what, size_t at, const Json& owner) {
  std::vector<std::string_view> names;
  const Json& properties = At(owner, "properties");
  if (!what.guesses || !properties.is_object()) return "";
  for (const auto& field : properties.items()) names.push_back(field.key());
  std::vector<std::string> paths;
  for (const std::string_view name : NearestWords(what.path[at], names)) {
    auto path = what.path;
    path[at] = name;
    paths.push_back(what.type + "." + Join(path, "."));
  }
  if (!paths.empty()) return MeantText(paths);
  std::string of = what.type;
  for (size_t i = 0; i < at; ++i) of += "." + what.path[i];
  return fmt::format("\n`skiff explain {}` lists those it has", of);
}

Result<> CheckPath(const std::string& type, const std::vector<std::string>& path) {
  const bool has_gap = std::find(path.begin(), path.end(), "") != path.end();
  if (!type.empty() && !has_gap) return {};
  return CliError("invalid jsonpath syntax, first node must be field node");
}

// The field that the path leads to, and what that has.
Result<std::string> Explain(const Explained& what) {
  const Json* schema = &what.schemas.OfKind(what.resource);
  if (schema->is_null()) {
    return CliError(fmt::format("GVR ({}) not found in OpenAPI schema", what.resource.name));
  }
  for (size_t i = 0; i < what.path.size(); ++i) {
    const Json& owner = what.schemas.Members(*schema);
    const Json& field = At(owner, "properties", what.path[i]);
    if (field.is_null()) {
      return CliError(fmt::format("field \"{}\" does not exist{}", what.path.back(),
                                  MeantPath(what, i, owner)));
    }
    schema = &field;
  }
  std::string out;
  if (!what.path.empty()) {
    const std::string& name = what.path.back();
    out += fmt::format("FIELD: {} <{}>\n", name, what.schemas.TypeName(*schema));
    const auto values = EnumOf(*schema);
    out += values.empty() ? "\n" : "ENUM:\n";
    for (const std::string& value : values) out += "    " + value + "\n";
    out += "\n";
  }
  const Json& members = what.schemas.Members(*schema);
  std::string text = TextAt(*schema, "description");
  if (&members != schema) {
    const std::string more = TextAt(members, "description");
    if (!more.empty()) text += (text.empty() ? "" : "\n") + more;
  }
  out += "DESCRIPTION:\n" + Wrapped(text.empty() ? "<empty>" : text, "    ");
  if (!text.empty()) out += "    \n";
  if (At(members, "properties").is_object()) {
    out += "FIELDS:\n";
    std::vector<const Json*> open;
    WriteFields(what, members, 1, open, out);
  }
  return out + "\n";
}

}  // namespace

bool IsRequired(const Json& owner, const std::string& name) {
  const auto required = TextsAt(owner, "required");
  return std::find(required.begin(), required.end(), name) != required.end();
}

namespace {

// The kind as that version of its group has it.
Result<ServedKind> InVersion(Session& session, const ServedKind& kind,
                             const std::string& api_version) {
  if (std::count(api_version.begin(), api_version.end(), '/') > 1) {
    return CliError("unexpected GroupVersion string: " + api_version);
  }
  const auto found = TRY(session.kinds().FindByKind(api_version, kind.resource.kind));
  if (found) return *found;
  const char* no_group = GroupPart(api_version).empty() ? "/" : "";
  const std::string named =
      fmt::format("{}{}, Resource={}", no_group, api_version, kind.resource.name);
  const auto served = TRY(session.kinds().Discover());
  const bool has_others = std::ranges::any_of(served, [&](const ServedKind& each) {
    return each.resource.api_version == api_version;
  });
  return CliError(has_others ? fmt::format("GVR ({}) not found in OpenAPI schema", named)
                             : fmt::format("couldn't find resource for \"{}\"", named));
}

// Where no type is near, how one is found.
tl::unexpected<Error> NoSuchResource(Command& command, const Error& error,
                                     const std::string& meant) {
  if (error.http_code != 0) return tl::unexpected(error);
  const bool has_hint = meant.empty() && command.environment().program != "kubectl";
  return PlainError(error.message +
                    (has_hint ? "\n`skiff api-resources` lists those it has; a field of one is "
                                "TYPE.FIELD, as in deployment.spec"
                              : ""));
}

}  // namespace

Result<> RunExplain(Command& command, const Args& args) {
  bool recursive = false;
  std::string api_version;
  std::string output = "plaintext";
  command.Flag("recursive", recursive, "Print the names of all fields within fields.");
  command.Flag("api-version", api_version, "Use this group and version of the kind.");
  command.Flag("output,o", output, "plaintext, or plaintext-openapiv2: as it was before 1.27.");
  TRY(command.Parse(args));
  if (command.words().empty()) {
    return CliError(
        fmt::format("You must specify the type of resource to explain. Use \"{} api-resources\" "
                    "for a complete list of supported resources.",
                    command.environment().program));
  }
  if (command.words().size() > 1) {
    return CliError("We accept only this format: explain RESOURCE");
  }
  if (output != "plaintext" && output != "plaintext-openapiv2") {
    return CliError(fmt::format("unrecognized format: {}", output));
  }
  if (command.words()[0].empty()) {
    return CliError("a resource must be present, got: /, Resource=");
  }
  Session& session = *TRY(command.session());
  std::vector<std::string> path = Split(command.words()[0], '.');
  std::string type = path[0];
  path.erase(path.begin());
  if (!path.empty() && path.back().empty()) path.pop_back();
  TRY(CheckPath(type, path));
  // "deployments.apps" and "deployments.v1.apps" name a group before they name fields.
  for (size_t parts = path.size(); parts > 0 && parts <= path.size(); --parts) {
    std::string longer = type;
    for (size_t i = 0; i < parts; ++i) longer += "." + path[i];
    const auto named = session.kinds().Find(longer);
    if (!named) continue;
    type = longer;
    path.erase(path.begin(), path.begin() + static_cast<long>(parts));
    break;
  }
  auto found = session.kinds().Find(type, /*is_of_name=*/true);
  if (!found) return NoSuchResource(command, found.error(), session.kinds().MeantBy(type));
  ServedKind kind = std::move(*found);
  if (!api_version.empty()) kind = TRY(InVersion(session, kind, api_version));
  const std::string& version = kind.resource.api_version;
  const bool core = version.find('/') == std::string::npos;
  const bool is_old = output != "plaintext";
  Json document = TRY(session.api().Get(
      is_old ? "/openapi/v2" : (core ? "/openapi/v3/api/" : "/openapi/v3/apis/") + version,
      Query()));
  // Of a custom kind, v2 tells less: nothing of what is in a value that may be null.
  if (is_old) document = {{"components", {{"schemas", std::move(document["definitions"])}}}};
  const Explained what{.schemas = Schemas(std::move(document)),
                       .resource = kind.resource,
                       .path = std::move(path),
                       .recursive = recursive,
                       .type = std::move(type),
                       .guesses = command.environment().program != "kubectl"};
  if (!is_old) command.environment().out(Head(kind.resource));
  auto text = is_old ? ExplainAsBefore(what) : Explain(what);
  if (!text) return tl::unexpected(text.error());
  command.environment().out(*text);
  return {};
}

}  // namespace skiff::cli
