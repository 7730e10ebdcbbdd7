// `config set-credentials`: who asks, by what is said or by a program that is run.
#include <algorithm>
#include <filesystem>

#include "api/codec/base64.h"
#include "base/text.h"
#include "cli/config_files.h"
#include "cli/file_text.h"

namespace skiff::cli {
namespace {

struct CredentialFlags {
  bool embed = false;
  std::string auth_provider;
  std::vector<std::string> auth_provider_args;
  std::string exec_command;
  std::string exec_api_version;
  std::vector<std::string> exec_args;
  std::vector<std::string> exec_env;
  std::string exec_interactive_mode;
  bool exec_provide_cluster_info = false;

  void AddTo(Command& command) {
    command.TellToo({"client-certificate", "client-key", "password", "token", "username"});
    command.Flag("embed-certs", embed, "Embed certificate and key.");
    command.Flag("auth-provider", auth_provider, "Auth provider of the user.");
    command.Flag("auth-provider-arg", auth_provider_args, "Of the provider: key=value, or key-.");
    command.Flag("exec-command", exec_command, "The program that credentials come from.");
    command.Flag("exec-api-version", exec_api_version, "The version that it speaks.");
    command.Flag("exec-arg", exec_args, "Arguments of the program.");
    command.FlagEach("exec-env", exec_env, "Variables of the program: key=value, or key-.");
    command.Flag("exec-interactive-mode", exec_interactive_mode,
                 "Whether the program may ask: Never, IfAvailable or Always.");
    command.Flag("exec-provide-cluster-info", exec_provide_cluster_info,
                 "Tell the program of the cluster.");
  }
};

// "KEY=VALUE" sets, "KEY-" takes away.
struct Change {
  std::string key;
  std::optional<std::string> value;
};

Result<std::vector<Change>> ChangesOf(const std::vector<std::string>& texts, const char* flag) {
  std::vector<Change> changes;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    const bool removes = equals == std::string::npos && text.size() > 1 && text.ends_with('-');
    if (!removes && (equals == std::string::npos || equals == 0)) {
      return CliError(fmt::format("invalid {} format: {}", flag, text));
    }
    if (removes) {
      changes.push_back({text.substr(0, text.size() - 1), std::nullopt});
    } else {
      changes.push_back({text.substr(0, equals), text.substr(equals + 1)});
    }
  }
  return changes;
}

Result<> ChangeProvider(const CredentialFlags& flags, Json& user) {
  const auto changes = TRY(ChangesOf(flags.auth_provider_args, "auth-provider-arg"));
  Json& provider = user["auth-provider"];
  if (!flags.auth_provider.empty() && TextAt(provider, "name") != flags.auth_provider) {
    provider = {{"name", flags.auth_provider}};
  }
  if (!provider.is_object()) {
    user.erase("auth-provider");
    return {};
  }
  for (const Change& change : changes) {
    if (change.value) {
      provider["config"][change.key] = *change.value;
    } else if (At(provider, "config").is_object()) {
      provider["config"].erase(change.key);
    }
  }
  return {};
}

void ChangeEnvironment(const std::vector<Change>& changes, Json& exec) {
  if (changes.empty()) return;
  Json& list = exec["env"];
  if (!list.is_array()) list = Json::array();
  for (const Change& change : changes) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const Json& each) {
      return TextAt(each, "name") == change.key;
    });
    if (found != list.end() && change.value) {
      (*found)["value"] = *change.value;
    } else if (found != list.end()) {
      list.erase(found);
    } else if (change.value) {
      list.push_back({{"name", change.key}, {"value", *change.value}});
    }
  }
}

// Without a program there is nothing that the other flags could say.
Result<> ChangeExec(const Command& command, const CredentialFlags& flags, Json& user) {
  const auto environment = TRY(ChangesOf(flags.exec_env, "exec-env"));
  Json& exec = user["exec"];
  if (command.Given("exec-command")) {
    if (!exec.is_object()) exec = Json::object();
    exec["command"] = flags.exec_command;
    exec["args"] = nullptr;
  }
  if (!exec.is_object()) {
    user.erase("exec");
    return {};
  }
  // As kubectl writes it, with nothing left out.
  const Json all = {
      {"apiVersion", ""}, {"args", nullptr}, {"env", nullptr}, {"provideClusterInfo", false}};
  for (const auto& [key, value] : all.items()) {
    if (!exec.contains(key)) exec[key] = value;
  }
  if (command.Given("exec-api-version")) exec["apiVersion"] = flags.exec_api_version;
  if (!flags.exec_args.empty()) exec["args"] = flags.exec_args;
  if (command.Given("exec-interactive-mode")) {
    exec["interactiveMode"] = flags.exec_interactive_mode;
  }
  if (command.Given("exec-provide-cluster-info")) {
    exec["provideClusterInfo"] = flags.exec_provide_cluster_info;
  }
  ChangeEnvironment(environment, exec);
  return {};
}

Result<> Check(const Command& command, const CredentialFlags& flags) {
  const GlobalFlags& globals = command.globals();
  if (!globals.token.empty() && !(globals.username.empty() && globals.password.empty())) {
    return CliError(
        "you cannot specify more than one authentication method at the same time: --token, "
        "--username/--password");
  }
  if (flags.embed && globals.client_certificate.empty() && globals.client_key.empty()) {
    return CliError("you must specify a --client-certificate or --client-key to embed");
  }
  const std::string& mode = flags.exec_interactive_mode;
  if (command.Given("exec-interactive-mode") && mode != "Never" && mode != "IfAvailable" &&
      mode != "Always") {
    return CliError("invalid interactive mode type, can be only IfAvailable, Never, Always");
  }
  return {};
}

}  // namespace

Result<std::string> OneConfigName(Command& command, const Args& args, const char* what) {
  TRY(command.Parse(args));
  if (command.words().size() == 1) return command.words()[0];
  if (command.verb() == "config delete-user") {
    return command.UsageError("user to delete is required");
  }
  return command.UsageError(fmt::format("you must specify a non-empty {} name", what));
}

Result<> PutConfigFile(const std::string& path, bool embed, const std::string& field,
                       Json& changes) {
  if (path.empty()) return {};
  if (!embed) {
    std::error_code code;
    const std::filesystem::path whole = std::filesystem::absolute(path, code);
    if (code)
      return CliError(
          fmt::format("could not determine absolute path to {}: {}", path, Lower(code.message())));
    changes[field] = whole.string();
    changes[field + "-data"] = nullptr;
    return {};
  }
  if (std::error_code code; !std::filesystem::exists(path, code)) {
    return CliError(fmt::format("could not stat {} file {}: stat {}: {}", field, path, path,
                                Lower(code ? code.message() : "no such file or directory")));
  }
  const auto text = FileText(path);
  if (!text) return CliError(fmt::format("could not read {} data from {}", field, path));
  changes[field + "-data"] = EncodeBase64(*text);
  changes[field] = nullptr;
  return {};
}

Result<> RunConfigSetCredentials(Command& command, const Args& args) {
  CredentialFlags flags;
  flags.AddTo(command);
  const std::string name = TRY(OneConfigName(command, args, "user"));
  if (name.empty()) return CliError("you must specify a non-empty user name");
  TRY(Check(command, flags));
  const GlobalFlags& globals = command.globals();
  ConfigFile file = TRY(ConfigFileFor(command, "users", name));
  Json* entry = FindConfigEntry(file.document, "users", name);
  if (!entry) {
    Json& entries = file.document["users"];
    if (!entries.is_array()) entries = Json::array();
    entries.push_back({{"name", name}});
    entry = &entries.back();
  }
  Json& user = (*entry)["user"];
  if (!user.is_object()) user = Json::object();
  const bool token = !globals.token.empty();
  const bool basic = !globals.username.empty() || !globals.password.empty();
  // One takes the other's place.
  if (token) {
    user["token"] = globals.token;
    user.erase("username");
    user.erase("password");
  }
  if (!globals.username.empty()) user["username"] = globals.username;
  if (!globals.password.empty()) user["password"] = globals.password;
  if (basic) user.erase("token");
  TRY(PutConfigFile(globals.client_certificate, flags.embed, "client-certificate", user));
  TRY(PutConfigFile(globals.client_key, flags.embed, "client-key", user));
  TRY(ChangeProvider(flags, user));
  TRY(ChangeExec(command, flags, user));
  for (auto at = user.begin(); at != user.end();) at = at->is_null() ? user.erase(at) : ++at;
  TRY(PutPathsBeside(file.path, user));
  TRY(SaveConfig(file));
  command.Print("User \"{}\" set.\n", name);
  return {};
}

}  // namespace skiff::cli
