// `alpha kuberc view|set`: the kuberc itself.
#include <fmt/format.h>

#include <filesystem>
#include <iterator>

#include "api/text/go_text.h"
#include "api/text/yaml.h"
#include "base/whole_file.h"
#include "cli/file_text.h"
#include "cli/json_text.h"
#include "cli/kuberc/kuberc.h"
#include "cli/kuberc/preference.h"
#include "cli/printers.h"

namespace skiff::cli {
namespace {

Result<KubercPlace> PlaceOf(Command& command) {
  KubercPlace place = TRY(FindKuberc(command.environment(), command.globals().kuberc));
  if (place.path.empty()) {
    return CliError("KUBERC is disabled via KUBERC=off environment variable");
  }
  return place;
}

Result<> Save(Command& command, const Json& preference, const std::string& path) {
  std::error_code code;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, code);
  if (code) {
    return CliError(fmt::format("failed to write kuberc file: mkdir {}: {}", folder.string(),
                                Lower(code.message())));
  }
  const auto written = WriteUsersFile(path, DumpYaml(preference), 0644);
  if (!written) return CliError("failed to write kuberc file: " + written.error().message);
  command.Print("Updated {}\n", path);
  return {};
}

Json NewPreference() {
  return {{"apiVersion", kPreferenceVersion},
          {"kind", "Preference"},
          {"defaults", nullptr},
          {"aliases", nullptr}};
}

Result<Json> ParsedFile(const std::string& text, const std::string& path) {
  auto read = ParsePreference(text, path);
  if (!read) return CliError("error parsing kuberc file: " + read.error().message);
  return read->document ? std::move(*read->document) : NewPreference();
}

Json Option(const std::string& name, const std::string& value) {
  return {{"name", name}, {"default", value}};
}

Result<> OfferRecommended(Command& command, const std::string& path) {
  command.Print(
      "kuberc file not found at {}\n"
      "Would you like to generate a default kuberc file with recommended options? (y/N): ",
      path);
  const auto& read_line = command.environment().read_line;
  if (!read_line || Lower(read_line()) != "y") return {};
  Json preference = NewPreference();
  preference["defaults"] = Json::array(
      {{{"command", "apply"}, {"options", Json::array({Option("server-side", "true")})}},
       {{"command", "delete"}, {"options", Json::array({Option("interactive", "true")})}}});
  return Save(command, preference, path);
}

Result<> RunView(Command& command, const Args& args) {
  PrintFlags print{.output = "yaml"};
  print.AddTo(command);
  TRY(command.Parse(args));
  TRY(command.ExpectNoWords());
  const auto printer = TRY(MakeObjectPrinter(print));
  const KubercPlace place = TRY(PlaceOf(command));
  const auto text = FileText(place.path);
  if (!text && place.is_explicit) {
    return CliError(fmt::format("kuberc file not found at {}", place.path));
  }
  if (!text) return OfferRecommended(command, place.path);
  Json preference = TRY(ParsedFile(*text, place.path));
  for (const char* list : {"defaults", "aliases"}) {
    if (At(preference, list).is_null()) preference[list] = Json::array();
  }
  command.Print("{}", TRY(printer->Print(preference)));
  return {};
}

struct SetFlags {
  std::string section;
  std::string command;
  std::string name;
  std::vector<std::string> options;
  std::vector<std::string> prepend_args;
  std::vector<std::string> append_args;
  bool overwrite = false;
};

Result<> CheckSetFlags(const SetFlags& flags) {
  const bool aliases = flags.section == "aliases";
  if (!aliases && flags.section != "defaults") {
    return CliError(fmt::format("--section must be \"defaults\" or \"aliases\", got: {}",
                                flags.section));
  }
  if (aliases && flags.name.empty()) {
    return CliError("--name is required when --section=aliases");
  }
  if (!aliases && !flags.name.empty()) {
    return CliError("--name should not be specified when --section=defaults");
  }
  if (!aliases && !(flags.prepend_args.empty() && flags.append_args.empty())) {
    return CliError("--prependarg and --appendarg are only valid for --section=aliases");
  }
  return {};
}

Result<Json> OptionsOf(const SetFlags& flags) {
  Json options = Json::array();
  for (const std::string& text : flags.options) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      return CliError(fmt::format("invalid option format {}, expected flag=value", GoQuote(text)));
    }
    const std::string name = text.substr(0, equals);
    const size_t begin = std::min(name.find_first_not_of('-'), name.size());
    options.push_back(Option(name.substr(begin), text.substr(equals + 1)));
  }
  return options;
}

Result<Json> EntryOf(const SetFlags& flags) {
  Json entry = {{"command", flags.command}};
  Json options = TRY(OptionsOf(flags));
  if (flags.section == "defaults") {
    entry["options"] = options.empty() ? Json() : std::move(options);
    return entry;
  }
  entry["name"] = flags.name;
  if (!options.empty()) entry["options"] = std::move(options);
  if (!flags.prepend_args.empty()) entry["prependArgs"] = flags.prepend_args;
  if (!flags.append_args.empty()) entry["appendArgs"] = flags.append_args;
  return entry;
}

Result<> RunSet(Command& command, const Args& args) {
  SetFlags flags;
  command.Flag("section", flags.section, "Section to modify: 'defaults' or 'aliases'.");
  command.Flag("command", flags.command, "Command to configure: 'get', 'create', 'set env'.");
  command.Require("section");
  command.Require("command");
  command.Flag("name", flags.name, "Alias name, with --section=aliases.");
  command.FlagEach("option", flags.options, "Flag of the command in the form flag=value.");
  command.FlagEach("prependarg", flags.prepend_args, "Argument of an alias before what is typed.");
  command.FlagEach("appendarg", flags.append_args, "Argument of an alias behind what is typed.");
  command.Flag("overwrite", flags.overwrite, "Allow overwriting existing entries.");
  TRY(command.Parse(args));
  TRY(CheckSetFlags(flags));
  const KubercPlace place = TRY(PlaceOf(command));
  const std::string text = FileText(place.path).value_or("");
  Json preference = text.empty() ? NewPreference() : TRY(ParsedFile(text, place.path));
  Json entry = TRY(EntryOf(flags));
  const bool alias = flags.section == "aliases";
  const char* key = alias ? "name" : "command";
  Json& list = preference[flags.section];
  if (list.is_null()) list = Json::array();
  const auto same = std::find_if(list.begin(), list.end(), [&](const Json& each) {
    return TextAt(each, key) == TextAt(entry, key);
  });
  if (same != list.end() && !flags.overwrite) {
    return CliError(alias ? fmt::format("alias {} already exists, use --overwrite to replace",
                                        GoQuote(flags.name))
                          : fmt::format("defaults for command {} already exist, use --overwrite to "
                                        "replace",
                                        GoQuote(flags.command)));
  }
  if (same != list.end()) {
    *same = std::move(entry);
  } else {
    list.push_back(std::move(entry));
  }
  return Save(command, preference, place.path);
}

constexpr Verb kKubercVerbs[] = {{"set", &RunSet}, {"view", &RunView}};
constexpr Verb kAlphaVerbs[] = {{"kuberc", nullptr}};  // A family itself.

}  // namespace

int AlphaMain(Environment& environment, const Args& args) {
  const size_t at = FirstWord(args);
  if (at < args.size() && args[at] == kAlphaVerbs[0].name) {
    return RunFamily(environment, "alpha kuberc", kKubercVerbs, std::size(kKubercVerbs),
                     WithoutWord(args, at));
  }
  return RunTellingFamily(environment, "alpha", kAlphaVerbs, std::size(kAlphaVerbs), args);
}

}  // namespace skiff::cli
