#include "cli/manifest.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/select/selector.h"
#include "api/text/go_text.h"
#include "api/text/utf8.h"
#include "api/text/yaml.h"
#include "cli/json_text.h"
#include "cli/kustomize/build.h"
#include "cli/manifest_url.h"
#include "cli/session.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

struct Source {
  std::string name;
  std::string text;
};

bool IsManifestName(const fs::path& path) {
  const std::string extension = path.extension();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return CliError(fmt::format("open {}: permission denied", path));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

template <typename Iterator>
std::vector<std::string> FilesIn(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code code;
  for (Iterator at(directory, code), end; at != end; at.increment(code)) {
    if (code) break;
    if (at->is_regular_file(code) && IsManifestName(at->path())) {
      paths.push_back(at->path().lexically_normal());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// What a pattern such as "apps/*.yaml" stands for, where no shell has looked at it.
std::vector<std::string> PathsLike(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
  return paths;
}

// What a kustomization comes to.
Result<std::vector<Source>> ReadKustomized(Command& command, const FileFlags& files) {
  if (!files.filenames.empty()) return CliError("only one of -f or -k can be specified");
  if (files.recursive) return CliError("the -k flag can't be used with -f or -R");
  std::vector<std::string> warnings;
  const auto objects = kustomize::Build(files.kustomize, {}, warnings);
  for (const std::string& warning : warnings) command.Warn("{}\n", warning);
  if (!objects) {
    return files.tells_build_plainly ? PlainError(objects.error().message) : Fail(objects.error());
  }
  return std::vector<Source>{{files.kustomize, kustomize::YamlOf(*objects)}};
}

// Where documents are read from.
struct Place {
  enum class Kind : uint8_t { kFile, kUrl, kInput };
  Kind kind = Kind::kFile;
  std::string name;
};

// A file, or those of a folder.
Result<> AddPath(const std::string& path, bool recursive, std::vector<Place>& places) {
  std::error_code failure;
  std::vector<std::string> paths = {path};
  if (fs::is_directory(path, failure)) {
    paths = recursive ? FilesIn<fs::recursive_directory_iterator>(path)
                      : FilesIn<fs::directory_iterator>(path);
  }
  if (paths.empty()) {
    return CliError(
        fmt::format("error reading [{}]: recognized file extensions are [.json .yaml .yml]", path));
  }
  for (const std::string& each : paths) places.push_back({Place::Kind::kFile, each});
  return {};
}

// What a word behind -f stands for.
Result<> AddPlaces(const std::string& name, bool recursive, std::vector<Place>& places) {
  if (name == "-") {
    const bool is_taken = std::ranges::any_of(
        places, [](const Place& each) { return each.kind == Place::Kind::kInput; });
    if (is_taken) return CliError(kInputUsedTwice);
    places.push_back({Place::Kind::kInput, "STDIN"});
    return {};
  }
  if (IsUrl(name)) {
    places.push_back({Place::Kind::kUrl, name});
    return {};
  }
  std::error_code failure;
  std::vector<std::string> paths = {name};
  if (fs::status(name, failure).type() == fs::file_type::not_found) {
    paths = PathsLike(name);
    if (paths.empty()) return CliError(fmt::format("the path {} does not exist", GoQuote(name)));
  } else if (failure) {
    return CliError(fmt::format("the path {} cannot be accessed: stat {}: {}", GoQuote(name), name,
                                Lower(failure.message())));
  }
  for (const std::string& path : paths) TRY(AddPath(path, recursive, places));
  return {};
}

// All of them, before any is read: of several words that stand for nothing each is told.
Result<std::vector<Place>> PlacesOf(const FileFlags& files) {
  std::vector<Place> places;
  std::vector<std::string> faults;
  for (const std::string& name : files.filenames) {
    const auto added = AddPlaces(name, files.recursive, places);
    if (!added) faults.push_back(added.error().message);
  }
  if (faults.empty()) return places;
  if (faults.size() == 1) return CliError(faults.front());
  return PlainError(Join(faults, "\n"));
}

Result<std::vector<Source>> ReadSources(Command& command, const FileFlags& files) {
  if (!files.kustomize.empty()) return ReadKustomized(command, files);
  std::vector<Source> sources;
  for (const auto& [kind, name] : TRY(PlacesOf(files))) {
    std::string text = TRY(kind == Place::Kind::kInput ? TakeInput(command, files.asks_server)
                           : kind == Place::Kind::kUrl ? ReadUrl(command.environment(), name)
                                                       : ReadFile(name));
    sources.push_back({name, std::move(text)});
  }
  return sources;
}

// What a file holds up to where it stops making sense.
struct Documents {
  std::vector<Json> values;
  std::string error;  // "" when all of it does.
};

constexpr char kWhiteSpace[] = " \t\r\n";

std::string YamlError(const Error& error) {
  return "error converting YAML to JSON: " + error.message;
}

void AppendYaml(std::vector<YamlDocument> documents, Documents& out) {
  for (YamlDocument& each : documents) out.values.push_back(std::move(each.value));
}

// Text that begins with a brace is JSON values one after another, with nothing between them. Where
// one of them is no JSON, the rest is read as YAML, such as {a: b} or what follows a "---"; when
// its first document is not that either, what is told is why it is no JSON.
Documents ReadJsonStream(std::string_view text) {
  Documents found;
  std::string_view rest = text;
  while (rest.find_first_not_of(kWhiteSpace) != std::string_view::npos) {
    JsonReader in(rest);
    Json value = ReadJson(in, in.Next());
    if (!in.failed()) {
      if (!value.is_null()) found.values.push_back(std::move(value));
      rest.remove_prefix(in.position());
      continue;
    }
    // No YAML begins with a comma, though the reader passes over one.
    const bool comma = rest[rest.find_first_not_of(kWhiteSpace)] == ',';
    auto documents = ParseYamlStream(rest);
    if (documents && !comma) {
      AppendYaml(std::move(*documents), found);
    } else if (!documents && ParseYaml(rest)) {
      found.error = YamlError(documents.error());
    } else if (in.position() >= rest.size()) {
      found.error = "unexpected EOF";
    } else {
      const size_t offset = text.size() - rest.size() + in.position() + 1;
      found.error = fmt::format("json: offset {}: {}", offset, in.error());
    }
    break;
  }
  return found;
}

// Text in UTF-16, as a shell of Windows writes it, in UTF-8; else as it is. What is no pair of
// surrogates is left to whoever reads it; half a character at the end is none, as for kubectl.
std::optional<std::string> FromUtf16(std::string_view text) {
  const bool is_little = text.starts_with("\xff\xfe");
  if (!is_little && !text.starts_with("\xfe\xff")) return std::nullopt;
  if (text.size() % 2 != 0) text.remove_suffix(1);
  const auto unit = [&](size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    const auto second = static_cast<unsigned char>(text[at + 1]);
    return static_cast<uint32_t>(is_little ? second << 8 | first : first << 8 | second);
  };
  std::string out;
  for (size_t at = 2; at < text.size(); at += 2) {
    uint32_t code_point = unit(at);
    if (code_point >= 0xd800 && code_point < 0xe000) {
      const uint32_t low = at + 2 < text.size() ? unit(at + 2) : 0;
      if (code_point >= 0xdc00 || low < 0xdc00 || low >= 0xe000) return std::nullopt;
      code_point = 0x10000 + ((code_point - 0xd800) << 10) + (low - 0xdc00);
      at += 2;
    }
    AppendUtf8(code_point, out);
  }
  return out;
}

Documents ReadDocuments(std::string_view text) {
  if (const auto utf8 = FromUtf16(text)) return ReadDocuments(*utf8);
  const size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin != std::string_view::npos && text[begin] == '{') return ReadJsonStream(text);
  Documents found;
  auto documents = ParseYamlStream(text);
  if (documents) {
    AppendYaml(std::move(*documents), found);
  } else {
    found.error = YamlError(documents.error());
  }
  return found;
}

bool IsList(const Json& document) {
  return TextAt(document, "kind").ends_with("List") && At(document, "items").is_array();
}

// Items of a ConfigMapList, as the server sends them, need not say what they are.
std::vector<Json> ItemsOf(Json& list) {
  const std::string kind = TextAt(list, "kind");
  const std::string item_kind = kind.substr(0, kind.size() - std::string_view("List").size());
  std::vector<Json> items;
  for (Json& item : list["items"]) {
    const bool says = !TextAt(item, "kind").empty() || !TextAt(item, "apiVersion").empty();
    if (item.is_object() && !says && !item_kind.empty()) {
      item["kind"] = item_kind;
      item["apiVersion"] = TextAt(list, "apiVersion");
    }
    items.push_back(std::move(item));
  }
  return items;
}

// What Go's decoder calls a value.
const char* TypeWord(const Json& value) {
  return value.is_boolean()  ? "bool"
         : value.is_number() ? "number"
         : value.is_array()  ? "array"
         : value.is_string() ? "string"
                             : "object";
}

// What of the metadata is not what it should be, such as a name that YAML takes for something else:
// "on", 123. In the order in which Go's decoder comes upon it.
std::string WhyNoMetadata(const Json& object) {
  const auto wrong = [](const Json& value, const std::string& field, const char* type) {
    return fmt::format("json: cannot unmarshal {} into Go struct field {} of type {}",
                       TypeWord(value), field, type);
  };
  const Json& metadata = At(object, "metadata");
  if (metadata.is_null()) return "";
  if (!metadata.is_object()) return wrong(metadata, "metadataOnlyObject.metadata", "v1.ObjectMeta");
  for (const std::string field : {"annotations", "labels", "name", "namespace"}) {
    const Json& value = At(metadata, field.c_str());
    const std::string named = "ObjectMeta.metadata." + field;
    if (value.is_null()) continue;
    if (field.starts_with("name")) {
      if (!value.is_string()) return wrong(value, named, "string");
      continue;
    }
    if (!value.is_object()) return wrong(value, named, "map[string]string");
    for (const Json& each : value) {
      if (!each.is_null() && !each.is_string()) return wrong(each, named, "string");
    }
  }
  return "";
}

// Whether it is there, and a text.
std::string WhyNoText(const Json& document, const char* field) {
  const Json& value = At(document, field);
  if (value.is_null() || TextAt(document, field).empty()) {
    const bool other = !value.is_null() && !value.is_string();
    return field + std::string(other ? " isn't string type" : " not set");
  }
  return "";
}

}  // namespace

Result<std::string> TakeInput(Command& command, bool asks_server) {
  command.environment().input_taken = true;
  if (!asks_server) return command.environment().read_input();
  // Before anything is read: a terminal would be waited for in vain.
  if (const auto session = command.session(); session && (*session)->wants_input()) {
    return PlainError(
        fmt::format("Unable to connect to the server: getting credentials: {}", kExecInputTaken));
  }
  return command.environment().read_input();
}

std::string WhyNoObject(const Json& document) {
  if (!document.is_object()) return "invalid object to validate";
  const std::string version = WhyNoText(document, "apiVersion");
  const std::string kind = WhyNoText(document, "kind");
  return version.empty() || kind.empty() ? version + kind : "[" + version + ", " + kind + "]";
}

Result<ManifestObject> PlaceObject(Session& session, const std::string& source, Json object,
                                   const Placing& placing) {
  const std::string api_version = TextAt(object, "apiVersion");
  const std::string kind = TextAt(object, "kind");
  const std::string why = WhyNoObject(object);
  if (!why.empty() && !placing.validates && object.is_object() && kind.empty()) {
    return CliError(fmt::format("unable to decode {}: Object 'Kind' is missing in '{}'",
                                GoQuote(source), DumpJson(object)));
  }
  if (!object.is_object() && !placing.validates) {
    return CliError(
        fmt::format("unable to decode {}: json: cannot unmarshal {} into Go value of type "
                    "unstructured.detector",
                    GoQuote(source), TypeWord(object)));
  }
  if (!why.empty()) {
    return CliError(
        fmt::format("error validating {}: error validating data: {}; if you choose to "
                    "ignore these errors, turn validation off with --validate=false",
                    GoQuote(source), why));
  }
  const std::string metadata = WhyNoMetadata(object);
  if (!metadata.empty()) {
    return CliError(fmt::format("unable to decode {}: {}", GoQuote(source), metadata));
  }
  std::optional<ServedKind> served;
  if (placing.asks_server) {
    served = TRY(session.kinds().FindByKind(api_version, kind));
  } else {
    served = KindAsSaid(api_version, kind);
  }
  const std::string name = NameOf(object);
  const std::string namespace_ = NamespaceOf(object);
  if (!served) {
    return CliError(fmt::format(
        "resource mapping not found for name: {} namespace: {} from {}: no matches for kind {} in "
        "version {}\nensure CRDs are installed first",
        GoQuote(name), GoQuote(namespace_), GoQuote(source), GoQuote(kind), GoQuote(api_version)));
  }
  ManifestObject placed{source, std::move(object), *served, {"", name}, namespace_.empty()};
  if (!served->resource.namespaced) return placed;
  if (!namespace_.empty() && session.namespace_given() && namespace_ != session.namespace_()) {
    return CliError(fmt::format(
        "the namespace from the provided object \"{}\" does not match the namespace \"{}\". You "
        "must pass '--namespace={}' to perform this operation.",
        namespace_, session.namespace_(), namespace_));
  }
  placed.key.namespace_ = namespace_.empty() ? session.namespace_() : namespace_;
  if (placed.object["metadata"].is_null()) placed.object["metadata"] = Json::object();
  if (placed.object["metadata"].is_object()) {
    placed.object["metadata"]["namespace"] = placed.key.namespace_;
  }
  return placed;
}

bool IsSelected(const LabelSelector& selector, const Json& object) {
  const Json& present = At(object, "metadata", "labels");
  return selector.MatchesEach([&](auto take) {
    if (!present.is_object()) return;
    for (const Json::object_t::value_type& label : present.get_ref<const Json::object_t&>()) {
      const std::string* value = label.second.get_ptr<const std::string*>();
      if (value != nullptr) take(label.first, *value);
    }
  });
}

Result<> KeepSelected(const std::string& selector, std::vector<ManifestObject>& objects) {
  if (selector.empty()) return {};
  const auto labels = TRY(LabelSelector::Parse(selector));
  std::erase_if(objects,
                [&](const ManifestObject& each) { return !IsSelected(labels, each.object); });
  return {};
}

void FileFlags::AddTo(Command& command, const char* letter) {
  const std::string names = *letter ? std::string("filename,") + letter : "filename";
  command.Flag(names, filenames, "Files, folders or URLs with the objects.");
  if (takes_kustomize) {
    command.Flag("kustomize,k", kustomize,
                 "A folder with a kustomization, which is built as by kustomize.");
  }
  if (takes_recursive) {
    command.Flag("recursive,R", recursive, "Process the folders of -f recursively.");
  }
}

namespace {

// Why an object is not taken, before its kind is looked for; "" of one that is.
std::string WhyRefused(Command& command, const FileFlags& files, const std::string& source,
                       const Json& object) {
  const std::string api_version = TextAt(object, "apiVersion");
  const std::string kind = TextAt(object, "kind");
  const bool is_asked = files.own_kinds_alone && command.environment().program == "kubectl";
  if (is_asked && !kind.empty() && !api_version.empty() && !KindAsSaid(api_version, kind).info) {
    return fmt::format("unable to decode {}: {}", GoQuote(source),
                       NotRegistered(api_version, kind));
  }
  return files.refuses ? files.refuses(object) : "";
}

}  // namespace

std::string NotRegistered(const std::string& api_version, const std::string& kind) {
  return NoKindRegistered({api_version, kind}, "k8s.io/kubectl/pkg/scheme/scheme.go:28");
}

void ReportUnread(Command& command, const FileFlags& files, const Error& error) {
  files.reads_all_first ? command.Report(error) : command.ReportLast(error);
}

Result<> VisitManifests(Command& command, const FileFlags& files,
                        const std::function<void(Result<ManifestObject> read)>& take) {
  const auto sources = TRY(ReadSources(command, files));
  Session& session = *TRY(command.session());
  for (const Source& source : sources) {
    Documents documents = ReadDocuments(source.text);
    for (Json& document : documents.values) {
      std::vector<Json> found;
      if (IsList(document)) {
        found = ItemsOf(document);
      } else {
        found.push_back(std::move(document));
      }
      for (Json& object : found) {
        if (const std::string why = WhyRefused(command, files, source.name, object); !why.empty()) {
          take(CliError(why));
          continue;
        }
        auto placed = PlaceObject(session, source.name, std::move(object),
                                  {files.validates, files.asks_server});
        const auto problem = placed ? std::nullopt : UnreachableProblem(placed.error());
        if (problem && command.environment().program != "kubectl") return Fail(placed.error());
        if (problem && files.validates) return Fail(ValidationFailure(*problem, source.name));
        take(std::move(placed));
      }
    }
    if (!documents.error.empty()) {
      take(CliError(fmt::format("error parsing {}: {}", source.name, documents.error)));
    }
  }
  return {};
}

Result<std::vector<ManifestObject>> ReadManifests(Command& command, const FileFlags& files) {
  std::vector<ManifestObject> objects;
  TRY(VisitManifests(command, files, [&](Result<ManifestObject> read) {
    if (read) {
      objects.push_back(std::move(*read));
    } else {
      ReportUnread(command, files, read.error());
    }
  }));
  return objects;
}

}  // namespace skiff::cli
