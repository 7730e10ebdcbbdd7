// create configmap and create secret: data from literals and files.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/base64.h"
#include "api/utf8.h"
#include "cli/create.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

struct DataFlags {
  std::vector<std::string> literals;
  std::vector<std::string> files;
  std::vector<std::string> env_files;
  void AddTo(Command& command) {
    command.FlagEach("from-literal", literals, "A key and literal value: key=value.");
    command.FlagEach("from-file", files, "A file or folder, with an optional key: key=path.");
    command.FlagEach("from-env-file", env_files, "A file of key=value lines.");
  }
};

using Data = std::map<std::string, std::string>;

Result<> Put(Data& data, const std::string& key, std::string value) {
  if (data.emplace(key, std::move(value)).second) return {};
  return CliError(
      fmt::format("cannot add key \"{}\", another key by that name already exists", key));
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return CliError(fmt::format("error reading {}: no such file or directory", path));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Result<> AddFile(const std::string& spec, Data& data) {
  const size_t equals = spec.find('=');
  const std::string path = equals == std::string::npos ? spec : spec.substr(equals + 1);
  if (equals == 0) return CliError(fmt::format("key name for file path {} missing", path));
  if (!fs::is_directory(path)) {
    const std::string key =
        equals == std::string::npos ? fs::path(path).filename().string() : spec.substr(0, equals);
    std::string text = TRY(ReadFile(path));
    return Put(data, key, std::move(text));
  }
  if (equals != std::string::npos) {
    return CliError("cannot give a key name for a directory path");
  }
  for (const auto& entry : fs::directory_iterator(path)) {
    if (!entry.is_regular_file()) continue;
    std::string text = TRY(ReadFile(entry.path()));
    TRY(Put(data, entry.path().filename(), std::move(text)));
  }
  return {};
}

Result<> AddEnvFile(const std::string& path, Data& data) {
  const std::string text = TRY(ReadFile(path));
  for (const std::string& line : Split(text, '\n')) {
    const size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line[begin] == '#') continue;
    const size_t equals = line.find('=');
    const std::string key = line.substr(begin, equals - begin);
    TRY(Put(data, key, equals == std::string::npos ? "" : line.substr(equals + 1)));
  }
  return {};
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

Result<Data> Collect(const DataFlags& flags) {
  Data data;
  for (const std::string& literal : flags.literals) {
    const size_t equals = literal.find('=');
    if (equals == std::string::npos || equals == 0) {
      return CliError(fmt::format("invalid literal source {}, expected key=value", literal));
    }
    TRY(Put(data, literal.substr(0, equals), literal.substr(equals + 1)));
  }
  for (const std::string& file : flags.files) TRY(AddFile(file, data));
  for (const std::string& file : flags.env_files) TRY(AddEnvFile(file, data));
  return data;
}

Result<> Create(Command& command, const WriteFlags& flags, const char* type, Json object) {
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find(type));
  object["apiVersion"] = kind.resource.api_version;
  object["kind"] = kind.resource.kind;
  if (session.namespace_given()) object["metadata"]["namespace"] = session.namespace_();
  const auto done =
      CreateAndPrint(command, flags, kind.resource, session.namespace_(), std::move(object));
  if (done || done.error().http_code == 0 || done.error().reason == Reason::kInvalid) return done;
  const char* form = kind.resource.kind == "Secret" ? "failed to create secret {}"
                                                    : "failed to create configmap: {}";
  return CliError(fmt::format(fmt::runtime(form), done.error().message));
}

Result<> CreateSecretOf(Command& command, const WriteFlags& flags, const std::string& name,
                        const std::string& type, const Data& data) {
  Json secret = {{"metadata", {{"name", name}}}};
  for (const auto& [key, value] : data) secret["data"][key] = EncodeBase64(value);
  if (!type.empty()) secret["type"] = type;
  return Create(command, flags, "secret", std::move(secret));
}

}  // namespace

Result<> RunCreateConfigMap(Command& command, const Args& args) {
  WriteFlags flags;
  DataFlags from;
  flags.AddTo(command, "kubectl-create");
  from.AddTo(command);
  TRY(command.Parse(args));
  TRY(flags.Check());
  if (command.words().size() != 1) {
    return command.UsageError(
        fmt::format("exactly one NAME is required, got {}", command.words().size()));
  }
  const Data data = TRY(Collect(from));
  Json map = {{"metadata", {{"name", command.words()[0]}}}};
  for (const auto& [key, value] : data) {
    if (IsUtf8(value)) {
      map["data"][key] = value;
    } else {
      map["binaryData"][key] = EncodeBase64(value);
    }
  }
  return Create(command, flags, "configmap", std::move(map));
}

// create secret generic|tls|docker-registry NAME
Result<> RunCreateSecret(Command& command, const Args& args) {
  WriteFlags flags;
  DataFlags from;
  std::string type;
  std::string certificate;
  std::string key;
  std::string server = "https://index.docker.io/v1/";
  std::string username;
  std::string password;
  std::string email;
  flags.AddTo(command, "kubectl-create");
  from.AddTo(command);
  command.Flag("type", type, "The type of secret to create.");
  command.Flag("cert", certificate, "Path to PEM encoded public key certificate.");
  command.Flag("key", key, "Path to private key associated with given certificate.");
  command.Flag("docker-server", server, "Server location for Docker registry.");
  command.Flag("docker-username", username, "Username for Docker registry authentication.");
  command.Flag("docker-password", password, "Password for Docker registry authentication.");
  command.Flag("docker-email", email, "Email for Docker registry.");
  TRY(command.Parse(args));
  TRY(flags.Check());
  if (command.words().size() != 2) {
    return command.UsageError(
        "a secret type (generic, tls, docker-registry) and exactly one NAME are required");
  }
  const std::string& form = command.words()[0];
  const std::string& name = command.words()[1];
  Data data = TRY(Collect(from));
  if (form == "generic") return CreateSecretOf(command, flags, name, type, data);
  if (form == "tls") {
    data["tls.crt"] = TRY(ReadFile(certificate));
    data["tls.key"] = TRY(ReadFile(key));
    return CreateSecretOf(command, flags, name, "kubernetes.io/tls", data);
  }
  if (form != "docker-registry") {
    return CliError(fmt::format("unknown secret type \"{}\"", form));
  }
  Json entry = {{"auth", EncodeBase64(username + ":" + password)},
                {"password", password},
                {"username", username}};
  if (!email.empty()) entry["email"] = email;
  data[".dockerconfigjson"] = Json({{"auths", {{server, entry}}}}).dump();
  return CreateSecretOf(command, flags, name, "kubernetes.io/dockerconfigjson", data);
}

}  // namespace skiff::cli
