#include "cli/compose/file_reader.h"

#include <fmt/format.h>

#include <filesystem>
#include <string_view>

#include "api/text/go_text.h"
#include "cli/compose/env_file.h"
#include "cli/compose/schema.h"
#include "cli/errors.h"

namespace skiff::cli::compose {
namespace {

namespace fs = std::filesystem;

size_t CountValues(const Node& node) {
  size_t count = 1;
  for (const Node& item : node.items) count += CountValues(item);
  for (const Member& member : node.members) count += CountValues(member.node);
  return count;
}

// What it says, wherever it stands.
Json WithoutPlaces(const Node& node) {
  switch (node.form) {
    case Node::Form::kScalar:
      return node.value;
    case Node::Form::kList: {
      Json list = Json::array();
      for (const Node& item : node.items) list.push_back(WithoutPlaces(item));
      return list;
    }
    case Node::Form::kMap: {
      Json map = Json::object();
      for (const Member& member : node.members) map[member.key] = WithoutPlaces(member.node);
      return map;
    }
    case Node::Form::kNull:
      break;
  }
  return Json();
}

// Adds what an included file defines; what both define has to be the same.
void Import(Node& root, Node included, Mistakes& wrong) {
  for (const char* kind : {"services", "networks", "volumes", "configs", "secrets", "models"}) {
    Node* from = included.Find(kind);
    if (from == nullptr) continue;
    Node* to = root.Find(kind);
    if (to == nullptr || to->IsNull()) to = &root.Put(kind, MapNode(from->place));
    for (Member& member : from->members) {
      const Node* own = to->Find(member.key);
      if (own == nullptr) {
        to->members.push_back(std::move(member));
      } else if (WithoutPlaces(*own) != WithoutPlaces(member.node)) {
        wrong.Add(Wrong(*own, fmt::format("{}.{} conflicts with imported resource of {}", kind,
                                          member.key, member.node.place.Text())));
      }
    }
  }
}

// What Docker Compose would fetch: a registry's artifact, somebody's repository. As it is after the
// slashes of a path were put in order.
bool IsElsewhere(std::string_view shown) {
  for (const char* scheme : {"https:/", "http:/", "oci:/", "git:/", "ssh:/", "git@"}) {
    if (shown.starts_with(scheme)) return true;
  }
  return false;
}

// As it was written: "https://b.c/d.git" of "https:/b.c/d.git".
std::string WithBothSlashes(std::string shown) {
  const size_t colon = shown.find(":/");
  if (colon != shown.npos && shown.compare(colon, 3, "://") != 0) shown.insert(colon + 1, "/");
  return shown;
}

}  // namespace

Result<std::string> FileReader::Text(const std::string& path, const Node* named_by) {
  if (path == "-") {
    if (options_.input.size() <= kComposeFileBytesMax) return options_.input;
    return CliError(fmt::format("{}: more than {} bytes", Shown(path), kComposeFileBytesMax));
  }
  if (++read_ > kComposeFilesMax) {
    return CliError(fmt::format("more than {} files make up the project", kComposeFilesMax));
  }
  auto text = files_.Read(path, kComposeFileBytesMax);
  if (text) return text;
  const std::string shown = Shown(path);
  const std::string why =
      IsElsewhere(shown)
          ? fmt::format("{} is none of this machine's files, and nothing is fetched: name a copy",
                        WithBothSlashes(shown))
          : fmt::format("open {}: {}", shown, text.error().message);
  if (named_by == nullptr) return CliError(why);
  return Wrong(*named_by, why);
}

// As whoever runs us would name it.
std::string FileReader::Shown(const std::string& path) const {
  if (path == "-") return "STDIN";
  const std::string relative = fs::path(path).lexically_relative(options_.working_directory);
  return relative.empty() || relative.starts_with("..") ? path : relative;
}

Result<std::string> FileReader::SaidName(const std::vector<std::string>& paths,
                                         const Lookup& lookup) {
  std::string name;
  for (const std::string& path : paths) {
    const std::string text = TRY(Text(path, nullptr));
    for (const Node& document : TRY(ParseNodes(Shown(path), text))) {
      const Node& said = document["name"];
      if (!said.IsText()) continue;
      Interpolation with{.lookup = lookup};
      const auto value = Interpolate(said.Text(), with);
      if (!value) return Wrong(said, value.error().message);
      name = *value;
    }
  }
  return name;
}

Result<std::vector<Node>> FileReader::Documents(const std::string& path, const Node* named_by) {
  const std::string text = TRY(Text(path, named_by));
  return ParseNodes(Shown(path), text);
}

Result<std::optional<std::vector<Node>>> FileReader::ReadFile(const std::string& path,
                                                              const Surroundings& around,
                                                              const Node* named_by) {
  auto documents = Documents(path, named_by);
  if (read_ > kComposeFilesMax) return Fail(documents.error());
  if (!documents) {
    wrong_.Add(documents);
    is_whole_ = false;
    return std::nullopt;
  }
  for (Node& document : *documents) {
    Interpolation with{.lookup = around.lookup};
    TRY(InterpolateTree(document, with, wrong_));
    unset_.merge(with.unset);
    CheckShape(document, FileShape(), "", wrong_);
    TRY(Count(document, document));
    MakeCanonical(document, around, wrong_);
    if (document.told || document["include"].told) is_whole_ = false;
  }
  return std::move(*documents);
}

Result<> FileReader::Count(const Node& node, const Node& place) {
  values_ += CountValues(node);
  if (values_ <= kProjectValuesMax) return {};
  return Wrong(place, fmt::format("the project comes to more than {} values", kProjectValuesMax));
}

Result<Node> FileReader::ReadAll(const std::vector<std::string>& paths,
                                 const Surroundings& around, int depth,
                                 const Node* named_by) {
  Node root = MapNode({});
  for (const std::string& path : paths) {
    auto documents = TRY(ReadFile(path, around, named_by));
    if (!documents) continue;
    for (Node& document : *documents) {
      TRY(ExtendAll(document, around));
      std::vector<Node> included;
      TRY(IncludeAll(document["include"], around, depth, included));
      document.Remove("include");
      // A file that comes later may say something else of what this one includes.
      for (Node& each : included) Import(document, std::move(each), wrong_);
      Merge(root, std::move(document), "", wrong_);
    }
  }
  return root;
}

std::map<std::string, std::string> FileReader::VariablesOf(const Node& include,
                                                           const std::string& directory,
                                                           const Surroundings& around) {
  std::vector<std::string> env_files = include["env_file"].Texts();
  const std::string usual = fs::path(directory) / ".env";
  if (env_files.empty() && files_.Look(usual) == Files::What::kFile) env_files = {usual};
  std::map<std::string, std::string> variables;
  for (const std::string& path : env_files) {
    const auto text = Text(path, &include);
    const auto read = text ? ParseEnvFile(Shown(path), *text,
                                          {.lookup = around.lookup, .before = LookupOf(variables)})
                           : Fail(text.error());
    wrong_.Add(read);
    if (!read) continue;
    for (const auto& [name, value] : *read) variables[name] = value;
  }
  return variables;
}

Result<> FileReader::IncludeAll(const Node& includes, const Surroundings& around, int depth,
                                std::vector<Node>& out) {
  for (const Node& include : includes.items) {
    if (depth >= kIncludeDepthMax) {
      return Wrong(include, fmt::format("files include each other deeper than {}, or in a circle",
                                        kIncludeDepthMax));
    }
    const std::vector<std::string> paths = include["path"].Texts();
    if (paths.empty()) {
      if (!include["path"].told) wrong_.Add(Wrong(include, "include needs a path"));
      is_whole_ = false;
      continue;
    }
    std::string directory = include["project_directory"].Text();
    if (directory.empty()) directory = fs::path(paths[0]).parent_path();
    const auto variables = VariablesOf(include, directory, around);
    const Lookup lookup = [&](const std::string& name) {
      auto value = around.lookup(name);
      return value ? value : LookupOf(variables)(name);
    };
    Node root = TRY(ReadAll(paths, {directory, around.home, lookup}, depth + 1, &include));
    out.push_back(std::move(root));
  }
  return {};
}

Result<> FileReader::ExtendAll(Node& document, const Surroundings& around) {
  Node* services = document.Find("services");
  if (services == nullptr) return {};
  for (Member& member : services->members) {
    if (member.node.Find("extends") == nullptr) continue;
    Node extended = TRY(Extended(*services, member.key, around, 0));
    member.node = std::move(extended);
  }
  return {};
}

// The service with all that it extends below it. `services` are those of its own file. `extends` is
// left where it comes to nothing.
Result<Node> FileReader::Extended(Node& services, const std::string& name,
                                  const Surroundings& around, int depth) {
  Node service = *services.Find(name);
  const Node extends = service["extends"];
  if (!extends.Says()) return service;
  if (depth >= kIncludeDepthMax) {
    return Wrong(extends, fmt::format("services extend each other deeper than {}, or in a circle",
                                      kIncludeDepthMax));
  }
  auto base = TRY(Base(services, extends, around, depth));
  if (!base) {
    service.Find("extends")->MakeTold();
    return service;
  }
  service.Remove("extends");
  TRY(Count(*base, extends));
  Merge(*base, std::move(service), "services/" + name, wrong_);
  return std::move(*base);
}

Result<std::optional<Node>> FileReader::Base(Node& services, const Node& extends,
                                             const Surroundings& around, int depth) {
  if (extends["service"].told || extends["file"].told) return std::nullopt;
  if (extends["file"].Says()) return BaseElsewhere(extends, around, depth);
  const std::string name = extends["service"].Text();
  if (services.Find(name) == nullptr) {
    wrong_.Add(
        Wrong(extends, fmt::format("cannot extend service {}: service not found", GoQuote(name))));
    return std::nullopt;
  }
  Node base = TRY(Extended(services, name, around, depth + 1));
  return base;
}

Result<std::optional<Node>> FileReader::BaseElsewhere(const Node& extends,
                                                      const Surroundings& around, int depth) {
  const std::string name = extends["service"].Text();
  const std::string file = extends["file"].Text();
  const Surroundings there = {fs::path(file).parent_path(), around.home, around.lookup};
  Node root = MapNode(extends.place);
  auto documents = TRY(ReadFile(file, there, &extends));
  if (!documents) return std::nullopt;
  for (Node& document : *documents) Merge(root, std::move(document), "", wrong_);
  Node* others = root.Find("services");
  if (others != nullptr && others->told) return std::nullopt;
  if (others == nullptr || others->Find(name) == nullptr) {
    wrong_.Add(Wrong(extends, fmt::format("cannot extend service {}: service not found in {}",
                                          GoQuote(name), Shown(file))));
    return std::nullopt;
  }
  Node base = TRY(Extended(*others, name, there, depth + 1));
  return base;
}

}  // namespace skiff::cli::compose
