#include "cli/printers.h"

#include <algorithm>

#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "api/text/json_path.h"
#include "api/text/yaml.h"
#include "api/text/yaml_scalar.h"
#include "cli/file_text.h"
#include "cli/go_template.h"
#include "cli/json_text.h"
#include "cli/kinds.h"
#include "cli/kyaml.h"
#include "cli/tab_writer.h"
#include "cli/terminal_text.h"

namespace skiff::cli {
namespace {

class JsonPrinter final : public ObjectPrinter {
 public:
  explicit JsonPrinter(MemberOrder order) : order_(std::move(order)) {}
  Result<std::string> Print(const Json& object) override { return PrettyJson(object, order_); }

 private:
  const MemberOrder order_;
};

class YamlPrinter final : public ObjectPrinter {
 public:
  Result<std::string> Print(const Json& object) override {
    std::string text = first_ ? "" : "---\n";
    first_ = false;
    return text + DumpYaml(object);
  }

 private:
  bool first_ = true;
};

class KyamlPrinter final : public ObjectPrinter {
 public:
  Result<std::string> Print(const Json& object) override { return DumpKyaml(object); }
};

std::string NameOrUnknown(const Json& object) {
  const std::string name = NameOf(object);
  return name.empty() ? "<unknown>" : name;
}

class NamePrinter final : public ObjectPrinter {
 public:
  Result<std::string> Print(const Json& object) override {
    if (TextAt(object, "kind") == "List" && At(object, "items").is_array()) {
      std::string text;
      for (const Json& item : object["items"]) text += TRY(Print(item));
      return text;
    }
    // A watch's event stands for its object.
    const bool is_event = object.is_object() && object.contains("type") &&
                          At(object, "object").is_object() && !object.contains("kind");
    if (is_event) return Print(object["object"]);
    Resource resource;
    resource.kind = TextAt(object, "kind");
    resource.api_version = TextAt(object, "apiVersion");
    return fmt::format("{}/{}\n", KindName(resource), NameOrUnknown(object));
  }
};

class PathPrinter final : public ObjectPrinter {
 public:
  PathPrinter(JsonPath path, std::string text, bool allow_missing)
      : path_(std::move(path)), text_(std::move(text)), allow_missing_(allow_missing) {}
  Result<std::string> Print(const Json& object) override {
    auto text = path_.Execute(object, allow_missing_);
    if (text) return text;
    return CliError(fmt::format(
        "error executing jsonpath {}: Error executing template: {}. Printing more information for "
        "debugging the template:\n\ttemplate was:\n\t\t{}\n\tobject given to jsonpath engine "
        "was:\n\t\t{}\n\n",
        GoQuote(text_), text.error().message, text_, GoSyntax(object)));
  }

 private:
  const JsonPath path_;
  const std::string text_;
  const bool allow_missing_;
};

class PathAsJsonPrinter final : public ObjectPrinter {
 public:
  PathAsJsonPrinter(JsonPath path, bool allow_missing)
      : path_(std::move(path)), allow_missing_(allow_missing) {}
  Result<std::string> Print(const Json& object) override {
    std::string text;
    for (const auto& found : TRY(path_.FindEach(object, allow_missing_))) {
      Json list = Json::array();
      for (const Json* value : found) list.push_back(*value);
      text += PrettyJson(list);
    }
    return text;
  }

 private:
  const JsonPath path_;
  const bool allow_missing_;
};

class TemplatePrinter final : public ObjectPrinter {
 public:
  TemplatePrinter(GoTemplate parsed, std::string text, const PrintFlags& flags)
      : template_(std::move(parsed)),
        text_(std::move(text)),
        allow_missing_(flags.allow_missing_template_keys),
        tell_(flags.tell) {}
  Result<std::string> Print(const Json& object) override {
    std::string printed;
    auto text = template_.Execute(object, allow_missing_, &printed);
    if (text) return text;
    const std::string& why = text.error().message;
    tell_(
        fmt::format("{}Error executing template: {}. Printing more information for debugging the "
                    "template:\n\ttemplate was:\n\t\t{}\n\traw data was:\n\t\t{}\n\tobject "
                    "given to template engine was:\n\t\t{}\n\n",
                    printed, why, text_, GoJson(object), GoPlain(object)));
    return CliError(fmt::format("error executing template {}: {}", GoQuote(text_), why));
  }

 private:
  const GoTemplate template_;
  const std::string text_;
  const bool allow_missing_;
  const std::function<void(std::string_view)> tell_;
};

Result<std::string> TextOfFile(const std::string& path) {
  auto text = FileText(path);
  if (text) return *std::move(text);
  return CliError(
      fmt::format("error reading --template {}, open {}: no such file or directory", path, path));
}

Result<std::unique_ptr<ObjectPrinter>> MakePathPrinter(const std::string& form, std::string text,
                                                       bool allow_missing) {
  if (text.empty()) return CliError("template format specified but no template given");
  if (form == "jsonpath-file") text = TRY(TextOfFile(text));
  auto path = JsonPath::Parse(text);
  if (!path) {
    return CliError(fmt::format("error parsing jsonpath {}, {}", text, path.error().message));
  }
  std::unique_ptr<ObjectPrinter> printer;
  if (form == "jsonpath-as-json") {
    printer = std::make_unique<PathAsJsonPrinter>(std::move(*path), allow_missing);
  } else {
    printer = std::make_unique<PathPrinter>(std::move(*path), std::move(text), allow_missing);
  }
  return printer;
}

Result<std::unique_ptr<ObjectPrinter>> MakeTemplatePrinter(const std::string& form,
                                                           std::string text,
                                                           const PrintFlags& flags) {
  if (text.empty()) return CliError("template format specified but no template given");
  if (form == "go-template-file" || form == "templatefile") text = TRY(TextOfFile(text));
  auto parsed = GoTemplate::Parse(text);
  if (!parsed) {
    return CliError(fmt::format("error parsing template {}, {}", text, parsed.error().message));
  }
  std::unique_ptr<ObjectPrinter> printer =
      std::make_unique<TemplatePrinter>(std::move(*parsed), std::move(text), flags);
  return printer;
}

tl::unexpected<Error> NoPrinter(const PrintFlags& flags) {
  return CliError(fmt::format(
      "unable to match a printer suitable for the output format {}, allowed formats are: {}",
      GoQuote(flags.output), flags.formats));
}

// Commas inside brackets belong to the path.
std::vector<std::string> SplitSpec(const std::string& spec) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : spec) {
    if (c == '[') ++depth;
    if (c == ']') --depth;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

void PrintFlags::AddTo(Command& command) {
  tell = command.environment().out;
  command.Flag("output,o", output, "Output format.");
  command.Flag("template", template_, "Template string or path to template file.");
  command.Flag("show-managed-fields", show_managed_fields, "Keep the managedFields.");
  command.Flag("allow-missing-template-keys", allow_missing_template_keys,
               "Ignore missing keys in templates.");
}

Result<std::unique_ptr<ObjectPrinter>> MakeObjectPrinter(const PrintFlags& flags) {
  // These, and no others, are taken in capitals as well.
  const std::string lower = Lower(flags.output);
  const bool is_plain = lower == "json" || lower == "yaml" || lower == "kyaml" || lower == "name";
  const std::string& output = is_plain ? lower : flags.output;
  const bool bare_template = output.empty() && !flags.template_.empty();
  const std::string form = bare_template ? "go-template" : output.substr(0, output.find('='));
  std::unique_ptr<ObjectPrinter> printer;
  if (output == "json") {
    printer = std::make_unique<JsonPrinter>(flags.json_order);
  } else if (output == "yaml") {
    printer = std::make_unique<YamlPrinter>();
  } else if (output == "kyaml") {
    printer = std::make_unique<KyamlPrinter>();
  } else if (output == "name") {
    printer = std::make_unique<NamePrinter>();
  } else if (!flags.template_.empty() && output.find('=') != std::string::npos) {
    return NoPrinter(flags);  // Two templates.
  } else if (form == "jsonpath" || form == "jsonpath-file" || form == "jsonpath-as-json") {
    const size_t equals = output.find('=');
    std::string text = equals == std::string::npos ? flags.template_ : output.substr(equals + 1);
    return MakePathPrinter(form, std::move(text), flags.allow_missing_template_keys);
  } else if (form == "go-template" || form == "go-template-file" || form == "template" ||
             form == "templatefile") {
    const size_t equals = output.find('=');
    std::string text = equals == std::string::npos ? flags.template_ : output.substr(equals + 1);
    return MakeTemplatePrinter(form, std::move(text), flags);
  } else {
    return NoPrinter(flags);
  }
  return printer;
}

Result<> PrintFlags::Check() const {
  if (!output.empty() || !template_.empty()) TRY(MakeObjectPrinter(*this));
  return {};
}

bool PrintFlags::HidesManagedFields() const {
  const std::string form = Lower(output);
  return !show_managed_fields && (form == "json" || form == "yaml" || form == "kyaml");
}

void DropManagedFields(Json& object) {
  if (!object.is_object()) return;
  if (const auto metadata = object.find("metadata");
      metadata != object.end() && metadata->is_object()) {
    metadata->erase("managedFields");
  }
  if (const auto items = object.find("items"); items != object.end() && items->is_array()) {
    for (Json& item : *items) DropManagedFields(item);
  }
}

Result<> PrintOutcome(Command& command, const PrintFlags& flags, const Json& object,
                      const Resource& resource, const std::string& operation) {
  const std::string name = KindName(resource) + "/" + NameOrUnknown(object);
  if (flags.output.empty() && flags.template_.empty()) {
    command.Print("{} {}\n", name, operation);
    return {};
  }
  if (flags.output == "name") {
    command.Print("{}\n", name);
    return {};
  }
  const auto printer = TRY(MakeObjectPrinter(flags));
  Json shown = object;
  if (!shown.contains("kind")) shown["kind"] = resource.kind;
  if (!shown.contains("apiVersion")) shown["apiVersion"] = resource.api_version;
  if (flags.HidesManagedFields()) DropManagedFields(shown);
  const std::string text = TRY(printer->Print(shown));
  const bool is_next = command.PrintsDocument();
  if (is_next && flags.separates_documents && flags.output == "yaml") command.Print("---\n");
  command.environment().out(text);
  return {};
}

Result<std::string> ColumnsOfFile(const std::string& path) {
  if (path.empty()) return CliError("custom-columns format specified but no custom columns given");
  const auto found = FileText(path);
  if (!found) {
    return CliError(
        fmt::format("error reading template {}, open {}: no such file or directory", path, path));
  }
  const std::string& text = *found;
  const auto words = [](const std::string& line) {
    std::vector<std::string> all;
    for (std::string& word : Split(line, ' ')) {
      if (!word.empty()) all.push_back(std::move(word));
    }
    return all;
  };
  const auto lines = Split(text, '\n');
  if (lines.size() < 2 || (lines.size() == 2 && lines[1].empty())) {
    return CliError(
        "invalid template, missing spec line. Expected format is one line of space separated "
        "headers, one line of space separated column specs.");
  }
  const auto names = words(lines[0]);
  const auto paths = words(lines[1]);
  if (names.size() != paths.size()) {
    return CliError(fmt::format("number of headers ({}) and field specifications ({}) don't match",
                                names.size(), paths.size()));
  }
  std::vector<std::string> columns;
  for (size_t i = 0; i < names.size(); ++i) columns.push_back(names[i] + ":" + paths[i]);
  return Join(columns, ",");
}

Result<std::string> CustomColumns(const std::string& spec, const std::vector<Json>& objects,
                                  bool headers, std::string* written) {
  if (spec.empty()) {
    return CliError("custom-columns format specified but no custom columns given");
  }
  std::vector<std::string> names;
  std::vector<JsonPath> paths;
  for (const std::string& part : SplitSpec(spec)) {
    const size_t colon = part.find(':');
    if (colon == std::string::npos) {
      return CliError(fmt::format(
          "unexpected custom-columns spec: {}, expected <header>:<json-path-expr>", part));
    }
    names.push_back(part.substr(0, colon));
    const std::string text = TRY(RelaxedPath(part.substr(colon + 1)));
    JsonPath path = TRY(JsonPath::Parse(text));
    paths.push_back(std::move(path));
  }
  TabWriter table = MakeTableWriter();
  if (headers) table.Write(Join(names, "\t") + "\n");
  for (const Json& object : objects) {
    std::vector<std::string> cells;
    for (const JsonPath& path : paths) {
      const auto found = path.Find(object);
      if (!found) {
        if (written) *written = table.Flush();
        return Fail(found.error());
      }
      std::vector<std::string> texts;
      for (const Json* value : *found) texts.push_back(TerminalText(GoPlain(*value)));
      cells.push_back(texts.empty() ? "<none>" : Join(texts, ","));
    }
    table.Write(Join(cells, "\t") + "\n");
  }
  return table.Flush();
}

}  // namespace skiff::cli
