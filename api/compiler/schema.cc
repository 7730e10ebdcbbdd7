#include "api/compiler/schema.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace skiff::compiler {
namespace {

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "schema_compiler: %s\n", message.c_str());
  std::exit(1);
}

std::vector<std::string> Strings(const YAML::Node& node) {
  std::vector<std::string> out;
  for (const auto& item : node) out.push_back(item.as<std::string>());
  return out;
}

std::vector<std::string> Verbs(const YAML::Node& node) {
  if (node.IsSequence()) return Strings(node);
  const auto word = node.as<std::string>();
  if (word == "gpu") return {"get", "patch", "update"};
  if (word == "full") {
    return {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
  }
  Die("unknown verbs: " + word);
}

void CheckKeys(const YAML::Node& node, const std::set<std::string>& known,
               const std::string& where) {
  for (const auto& entry : node) {
    const auto key = entry.first.as<std::string>();
    if (!known.contains(key)) Die(where + ": unknown key " + key);
  }
}

std::string Text(const YAML::Node& node, const std::string& fallback = "") {
  return node ? node.as<std::string>() : fallback;
}

bool Flag(const YAML::Node& node) {
  return node && node.as<bool>();
}

SchemaField ReadField(const std::string& name, const YAML::Node& node, const std::string& where) {
  CheckKeys(node,
            {"n", "type", "required", "always", "omitzero", "keepEmpty", "list", "map", "struct",
             "keys", "patch", "patchKey", "default", "go"},
            where);
  SchemaField field;
  field.json_name = name;
  field.cpp_name = CppName(name);
  field.type = Text(node["type"]);
  if (field.type.empty()) Die(where + ": no type");
  if (field.type[0] == '*') {
    field.pointer = true;
    field.type.erase(0, 1);
  }
  field.number = node["n"] ? node["n"].as<int>() : 0;
  field.required = Flag(node["required"]);
  field.always = Flag(node["always"]);
  field.omit_zero = Flag(node["omitzero"]);
  field.keep_empty = Flag(node["keepEmpty"]);
  field.granular = Text(node["map"]) == "granular" || Text(node["struct"]) == "granular";
  field.atomic = Text(node["map"]) == "atomic" || Text(node["struct"]) == "atomic";
  field.list = Text(node["list"]);
  if (node["keys"]) field.keys = Strings(node["keys"]);
  const std::string patch = Text(node["patch"]);
  field.patch_merge = patch.find("merge") != std::string::npos;
  field.patch_retain_keys = patch.find("retainKeys") != std::string::npos;
  field.patch_replace = patch == "replace";
  field.patch_key = Text(node["patchKey"]);
  field.go_type = Text(node["go"]);
  if (node["default"]) {
    const std::string value = Text(node["default"]);
    const bool is_number = field.type == "int32" || field.type == "int64" || field.type == "bool";
    field.default_json = is_number ? value : '"' + value + '"';
  }
  return field;
}

SchemaKind ReadKind(const YAML::Node& node, const SchemaFile& file, const std::string& where) {
  const YAML::Node kind = node["kind"];
  CheckKeys(kind,
            {"resource", "singular", "scope", "short", "categories", "verbs", "storageKey",
             "stored", "deleteReturns", "graceful"},
            where);
  SchemaKind out;
  out.resource = Text(kind["resource"]);
  out.singular = Text(kind["singular"]);
  out.namespaced = Text(kind["scope"]) == "Namespaced";
  if (kind["short"]) out.short_names = Strings(kind["short"]);
  if (kind["categories"]) out.categories = Strings(kind["categories"]);
  out.verbs = Verbs(kind["verbs"]);
  const std::string stored = Text(kind["stored"]);
  if (stored != "none") {
    out.storage_key = Text(kind["storageKey"], out.resource);
    out.storage_version = stored.empty() ? file.api_version : stored;
  }
  out.delete_returns_object = Text(kind["deleteReturns"]) == "object";
  out.graceful = Flag(kind["graceful"]);
  if (node["selectable"]) out.selectable = Strings(node["selectable"]);
  for (const auto& entry : node["subresources"]) {
    SchemaSubresource sub;
    sub.name = entry.first.as<std::string>();
    sub.verbs = Verbs(entry.second["verbs"]);
    sub.api_version = file.api_version;
    sub.kind = Text(entry.second["kind"]);
    if (const auto space = sub.kind.find(' '); space != std::string::npos) {
      sub.api_version = sub.kind.substr(0, space);
      sub.kind = sub.kind.substr(space + 1);
    }
    out.subresources.push_back(std::move(sub));
  }
  return out;
}

SchemaType ReadType(const std::string& name, const YAML::Node& node, const SchemaFile& file) {
  const std::string where = file.stem + "." + name;
  CheckKeys(node,
            {"kind", "subresources", "selectable", "atomic", "typeMeta", "fields", "enum", "values",
             "alias", "message", "opaque", "columns", "same"},
            where);
  SchemaType type;
  type.name = name;
  type.atomic = Flag(node["atomic"]);
  type.type_meta = Flag(node["typeMeta"]);
  type.message = Flag(node["message"]);
  if (node["enum"] || node["values"]) {
    type.form = SchemaType::Form::kEnum;
    type.closed = static_cast<bool>(node["enum"]);
    type.values = Strings(type.closed ? node["enum"] : node["values"]);
  } else if (node["alias"]) {
    type.form = SchemaType::Form::kAlias;
    type.alias = Text(node["alias"]);
  } else if (Flag(node["opaque"])) {
    type.form = SchemaType::Form::kOpaque;
  } else if (node["same"]) {
    type.same = Text(node["same"]);
  }
  for (const auto& entry : node["fields"]) {
    const auto json_name = entry.first.as<std::string>();
    type.fields.push_back(ReadField(json_name, entry.second, where + "." + json_name));
  }
  if (node["kind"]) type.kinds.push_back(ReadKind(node, file, where));
  return type;
}

YAML::Node LoadYaml(const std::string& path) {
  try {
    return YAML::LoadFile(path);
  } catch (const YAML::Exception& problem) {
    Die(path + ": " + problem.what());
  }
}

// Before fields are inlined: those have the text that stands at the type they come from.
void ReadTexts(const std::string& path, SchemaFile& file) {
  YAML::Node root = LoadYaml(path);
  for (SchemaType& type : file.types) {
    if (type.form != SchemaType::Form::kStruct || !type.same.empty()) continue;
    const std::string where = path + ": " + type.name;
    const YAML::Node node = root[type.name];
    if (!node) Die(where + ": no text");
    CheckKeys(node, {"about", "fields"}, where);
    type.text = Text(node["about"]);
    if (type.text.empty()) Die(where + ": no text");
    std::set<std::string> names;
    for (SchemaField& field : type.fields) {
      if (field.json_name.starts_with("inline.")) continue;
      names.insert(field.json_name);
      field.text = Text(node["fields"][field.json_name]);
      if (field.text.empty()) Die(where + ": no text for the field " + field.json_name);
    }
    CheckKeys(node["fields"], names, where);
    root.remove(type.name);
  }
  for (const auto& entry : root) {
    Die(path + ": " + entry.first.as<std::string>() + " is no type with fields");
  }
}

// Puts the fields of inlined types in place of the `inline.X` entries.
void FlattenInlines(SchemaFile& file) {
  bool again = true;
  while (again) {
    again = false;
    for (SchemaType& type : file.types) {
      std::vector<SchemaField> flat;
      for (SchemaField& field : type.fields) {
        if (!field.json_name.starts_with("inline.")) {
          flat.push_back(field);
          continue;
        }
        const SchemaType* other = file.Find(field.type);
        if (other == nullptr) Die(file.stem + "." + type.name + ": inlines unknown " + field.type);
        for (SchemaField inlined : other->fields) {
          if (inlined.json_name.starts_with("inline.")) again = true;
          if (field.number != 0 && field.inline_number != 0) {  // It was inlined itself.
            inlined.inline_inner = field.number;
            inlined.inline_number = field.inline_number;
          } else if (field.number != 0) {
            inlined.inline_inner = inlined.inline_number;
            inlined.inline_number = field.number;
          }
          std::string through = field.inline_type.empty() ? "" : field.inline_type + ".";
          through += field.type + (inlined.inline_type.empty() ? "" : "." + inlined.inline_type);
          inlined.inline_type = std::move(through);
          flat.push_back(std::move(inlined));
        }
      }
      type.fields = std::move(flat);
    }
  }
}

// Fills the types that are those of another file. What their fields name is looked for in this one.
void TakeSameTypes(Schema& schema) {
  for (auto& [stem, file] : schema) {
    for (SchemaType& type : file.types) {
      if (type.same.empty()) continue;
      const auto other = schema.find(type.same);
      const SchemaType* taken = other == schema.end() ? nullptr : other->second.Find(type.name);
      if (taken == nullptr || taken->form != SchemaType::Form::kStruct || !taken->same.empty()) {
        Die(stem + "." + type.name + ": no such type in " + type.same);
      }
      type.fields = taken->fields;
      type.text = taken->text;
      type.atomic = taken->atomic;
    }
  }
}

}  // namespace

const SchemaType* SchemaFile::Find(const std::string& name) const {
  const auto found =
      std::find_if(types.begin(), types.end(), [&](const auto& type) { return type.name == name; });
  return found == types.end() ? nullptr : &*found;
}

Schema ReadSchema(const std::vector<std::string>& paths) {
  Schema schema;
  for (const std::string& path : paths) {
    const YAML::Node root = LoadYaml(path);
    const std::filesystem::path place(path);
    SchemaFile file;
    file.stem = place.stem();
    file.api_version = Text(root["apiVersion"]);
    const auto slash = file.api_version.find('/');
    file.group = slash == std::string::npos ? "" : file.api_version.substr(0, slash);
    file.version =
        slash == std::string::npos ? file.api_version : file.api_version.substr(slash + 1);
    file.go_package = Text(root["goPackage"]);
    file.on_request = Flag(root["onRequest"]);
    if (root["priority"]) {
      file.group_priority = root["priority"]["group"].as<int>();
      file.version_priority = root["priority"]["version"].as<int>();
    }
    for (const auto& entry : root["types"]) {
      file.types.push_back(ReadType(entry.first.as<std::string>(), entry.second, file));
    }
    ReadTexts(place.parent_path() / "texts" / place.filename(), file);
    FlattenInlines(file);
    schema.emplace(file.stem, std::move(file));
  }
  TakeSameTypes(schema);
  return schema;
}

std::string CppName(const std::string& json_name) {
  static const std::set<std::string> kKeywords = {
      "alignas",  "and",      "auto",     "bool",   "break",    "case",      "catch",
      "char",     "class",    "concept",  "const",  "continue", "default",   "delete",
      "do",       "double",   "else",     "enum",   "explicit", "export",    "extern",
      "false",    "float",    "for",      "friend", "goto",     "if",        "import",
      "inline",   "int",      "linux",    "long",   "module",   "mutable",   "namespace",
      "new",      "not",      "operator", "or",     "private",  "protected", "public",
      "register", "requires", "return",   "short",  "signed",   "sizeof",    "static",
      "struct",   "switch",   "template", "this",   "throw",    "true",      "try",
      "typedef",  "typename", "union",    "unix",   "unsigned", "using",     "virtual",
      "void",     "volatile", "while",    "xor"};
  std::string out;
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  for (size_t i = 0; i < json_name.size(); ++i) {
    const char c = json_name[i];
    if (!is_upper(c)) {
      out += c == '$' || c == '-' ? '_' : c;
      continue;
    }
    // A word starts after a lower-case letter, and at the last capital of a run that a longer
    // lower-case word follows ("IPs" is one word, "ACLFoo" is two).
    const bool after_lower = i > 0 && !is_upper(json_name[i - 1]);
    const bool plural =
        i + 2 >= json_name.size() && i + 1 < json_name.size() && json_name[i + 1] == 's';
    const bool starts_word = i > 0 && is_upper(json_name[i - 1]) && i + 1 < json_name.size() &&
                             !is_upper(json_name[i + 1]);
    if (after_lower || (starts_word && !plural)) out += '_';
    out += static_cast<char>(c - 'A' + 'a');
  }
  if (kKeywords.contains(out)) out += '_';
  return out;
}

}  // namespace skiff::compiler
