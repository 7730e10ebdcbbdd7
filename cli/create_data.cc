// create configmap and create secret: data from literals and files.
#include <filesystem>

#include "api/codec/base64.h"
#include "api/rules/identity/x509.h"
#include "api/rules/names.h"
#include "api/text/go_text.h"
#include "api/text/utf8.h"
#include "base/hash.h"
#include "cli/create.h"
#include "cli/env_name.h"
#include "cli/file_text.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

struct DataFlags {
  std::vector<std::string> literals;
  std::vector<std::string> files;
  std::vector<std::string> env_files;
  Result<> Check() const {
    if (env_files.empty() || (files.empty() && literals.empty())) return {};
    return CliError("from-env-file cannot be combined with from-file or from-literal");
  }
  void AddTo(Command& command) {
    command.FlagEach("from-literal", literals, "A key and literal value: key=value.");
    command.FlagEach("from-file", files, "A file or folder, with an optional key: key=path.");
    command.FlagEach("from-env-file", env_files, "A file of key=value lines.");
  }
};

// What an object will hold, and how kubectl speaks of it when a key comes twice.
struct Data {
  std::map<std::string, std::string> values;
  std::string owner;  // `ConfigMap "c1"`; "" of secrets.
};

Result<> Put(Data& data, const std::string& key, std::string value) {
  const Messages errors = ConfigMapKeyErrors(key);
  if (!errors.empty() && data.owner.empty()) {
    return CliError(
        fmt::format("\"{}\" is not valid key name for a Secret {}", key, Join(errors, ";")));
  }
  if (!errors.empty()) {
    return CliError(
        fmt::format("\"{}\" is not a valid key name for a ConfigMap: {}", key, Join(errors, ",")));
  }
  if (data.values.emplace(key, std::move(value)).second) return {};
  if (data.owner.empty()) {
    return CliError(fmt::format("cannot add key {}, another key by that name already exists", key));
  }
  return CliError(
      fmt::format("cannot add key \"{}\", another key by that name already exists in Data for {}",
                  key, data.owner));
}

Result<std::string> ReadFile(const std::string& path) {
  auto text = FileText(path);
  if (text) return *std::move(text);
  std::error_code failure;
  const bool is_there = fs::exists(path, failure);
  return CliError(fmt::format("error reading {}: {}", path,
                              is_there  ? "permission denied"
                              : failure ? Lower(failure.message())
                                        : "no such file or directory"));
}

Result<> AddFile(const std::string& spec, Data& data) {
  const size_t equals = spec.find('=');
  const std::string path = equals == std::string::npos ? spec : spec.substr(equals + 1);
  if (path.find('=') != std::string::npos) {
    return CliError("key names or file paths cannot contain '='");
  }
  if (equals == 0) return CliError(fmt::format("key name for file path {} missing", path));
  if (equals != std::string::npos && path.empty()) {
    return CliError(fmt::format("file path for key name {} missing", spec.substr(0, equals)));
  }
  std::error_code failure;
  if (!fs::is_directory(path, failure)) {
    const std::string key =
        equals == std::string::npos ? fs::path(path).filename().string() : spec.substr(0, equals);
    std::string text = TRY(ReadFile(path));
    return Put(data, key, std::move(text));
  }
  if (equals != std::string::npos) {
    return CliError("cannot give a key name for a directory path");
  }
  for (fs::directory_iterator at(path, failure), end; !failure && at != end;
       at.increment(failure)) {
    std::error_code unknown;
    if (!at->is_regular_file(unknown)) continue;
    std::string text = TRY(ReadFile(at->path()));
    TRY(Put(data, at->path().filename(), std::move(text)));
  }
  if (!failure) return {};
  return CliError(fmt::format("error listing files in {}: {}", path, Lower(failure.message())));
}

// A name alone has the value that it has here.
Result<> AddEnvFile(const Environment& environment, const std::string& path, Data& data) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::string text = TRY(ReadFile(path));
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  for (std::string line : Split(text, '\n')) {
    if (line.ends_with('\r')) line.pop_back();
    const size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line[begin] == '#') continue;
    const size_t equals = line.find('=');
    const std::string key = line.substr(begin, equals - begin);
    TRY(CheckEnvName(key));
    TRY(Put(data, key,
            equals == std::string::npos ? environment.variable(key) : line.substr(equals + 1)));
  }
  return {};
}

Result<Data> Collect(const Environment& environment, const DataFlags& flags, std::string owner) {
  TRY(flags.Check());
  Data data{{}, std::move(owner)};
  for (const std::string& literal : flags.literals) {
    const size_t equals = literal.find('=');
    if (equals == std::string::npos || equals == 0) {
      return CliError(fmt::format("invalid literal source {}, expected key=value", literal));
    }
    TRY(Put(data, literal.substr(0, equals), literal.substr(equals + 1)));
  }
  for (const std::string& file : flags.files) {
    // As kubectl takes its list: an empty text has no items.
    if (!file.empty()) TRY(AddFile(file, data));
  }
  for (const std::string& file : flags.env_files) {
    // As of a variable that is not set.
    if (!file.empty()) TRY(AddEnvFile(environment, file, data));
  }
  return data;
}

Result<> Create(Command& command, const WriteFlags& flags, const char* type, Json object) {
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find(type));
  object["apiVersion"] = kind.resource.api_version;
  object["kind"] = kind.resource.kind;
  if (session.namespace_given()) object["metadata"]["namespace"] = session.namespace_();
  const auto done =
      CreateAndPrint(command, flags, kind.resource, session.namespace_(), std::move(object),
                     /*may_be_protobuf=*/true);
  if (done || done.error().http_code == 0) return done;
  // Nobody answered: that is all there is to say, with what may help.
  if (UnreachableProblem(done.error())) return done;
  const char* form = kind.resource.kind == "Secret" ? "failed to create secret {}"
                                                    : "failed to create configmap: {}";
  return CliError(fmt::format(fmt::runtime(form), done.error().message));
}

// Ten characters that change with what the object holds (--append-hash): digits and letters that
// make no words.
std::string HashOf(const Json& content) {
  std::string hash;
  for (const unsigned char byte : Sha256(GoJson(content)).substr(0, 5)) {
    for (const int digit : {byte >> 4, byte & 15}) hash += "gh2k456789mbcdtf"[digit];
  }
  return hash;
}

struct SecretForm {
  std::string name;
  std::string type;
  bool append_hash = false;
};

Result<> CreateSecretOf(Command& command, const WriteFlags& flags, const SecretForm& form,
                        const Data& data) {
  Json secret = {{"metadata", {{"name", form.name}}}};
  for (const auto& [key, value] : data.values) secret["data"][key] = EncodeBase64(value);
  if (!form.type.empty()) secret["type"] = form.type;
  if (form.append_hash) {
    const Json content = {
        {"data", At(secret, "data")}, {"kind", "Secret"}, {"name", form.name}, {"type", form.type}};
    secret["metadata"]["name"] = form.name + "-" + HashOf(content);
  }
  return Create(command, flags, "secret", std::move(secret));
}

}  // namespace

Result<> RunCreateConfigMap(Command& command, const Args& args) {
  WriteFlags flags;
  DataFlags from;
  bool append_hash = false;
  flags.AddTo(command, "kubectl-create");
  from.AddTo(command);
  command.Flag("append-hash", append_hash, "Append a hash of the content to the name.");
  TRY(command.Parse(args));
  TRY(flags.Check());
  if (command.words().size() != 1) {
    return command.UsageError(
        fmt::format("exactly one NAME is required, got {}", command.words().size()));
  }
  const std::string& name = command.words()[0];
  if (name.empty()) return CliError("name must be specified");
  const Data data =
      TRY(Collect(command.environment(), from, fmt::format("ConfigMap \"{}\"", name)));
  Json map = {{"metadata", {{"name", name}}}};
  for (const auto& [key, value] : data.values) {
    if (IsUtf8(value)) {
      map["data"][key] = value;
    } else {
      map["binaryData"][key] = EncodeBase64(value);
    }
  }
  if (append_hash) {
    Json content = {{"data", map.value("data", Json())}, {"kind", "ConfigMap"}, {"name", name}};
    if (map.contains("binaryData")) content["binaryData"] = map["binaryData"];
    map["metadata"]["name"] = name + "-" + HashOf(content);
  }
  return Create(command, flags, "configmap", std::move(map));
}

namespace {

// What each form of `create secret` has.
struct SecretFlags {
  WriteFlags write;
  SecretForm form;

  explicit SecretFlags(Command& command) {
    write.AddTo(command, "kubectl-create");
    command.Flag("append-hash", form.append_hash, "Append a hash of the content to the name.");
  }
  // Parses the flags and takes the name.
  Result<> Parse(Command& command, const Args& args) {
    form.name = TRY(ParseOneName(command, write, args));
    return {};
  }
};

struct RegistryFlags {
  std::string server = "https://index.docker.io/v1/";
  std::string username;
  std::string password;
  std::string email;

  void AddTo(Command& command) {
    command.Flag("docker-server", server, "Server location for Docker registry.");
    command.Flag("docker-username", username, "Username for Docker registry authentication.");
    command.Flag("docker-password", password, "Password for Docker registry authentication.");
    command.Flag("docker-email", email, "Email for Docker registry.");
  }
  // The fields in the order in which Go declares them.
  std::string ConfigText() const {
    std::string text = fmt::format("{{\"username\":{},\"password\":{}", Json(username).dump(),
                                   Json(password).dump());
    if (!email.empty()) text += ",\"email\":" + Json(email).dump();
    text += fmt::format(",\"auth\":{}}}", Json(EncodeBase64(username + ":" + password)).dump());
    return fmt::format("{{\"auths\":{{{}:{}}}}}", Json(server).dump(), text);
  }
};

Result<> RunGenericSecret(Command& command, const Args& args) {
  SecretFlags flags(command);
  DataFlags from;
  from.AddTo(command);
  command.Flag("type", flags.form.type, "The type of secret to create.");
  TRY(flags.Parse(command, args));
  if (flags.form.name.empty()) return CliError("name must be specified");
  const Data data = TRY(Collect(command.environment(), from, ""));
  return CreateSecretOf(command, flags.write, flags.form, data);
}

Result<> RunTlsSecret(Command& command, const Args& args) {
  SecretFlags flags(command);
  std::string certificate, key;
  command.Flag("cert", certificate, "Path to PEM encoded public key certificate.");
  command.Flag("key", key, "Path to private key associated with given certificate.");
  TRY(flags.Parse(command, args));
  if (certificate.empty() || key.empty()) return CliError("key and cert must be specified");
  Data data;
  for (const auto& [name, path] : {std::pair("tls.crt", certificate), std::pair("tls.key", key)}) {
    auto text = ReadFile(path);
    if (!text) {
      return CliError(
          fmt::format("Cannot read file {}, open {}: no such file or directory", path, path));
    }
    data.values[name] = std::move(*text);
  }
  const std::string fault = KeyPairFault(data.values["tls.crt"], data.values["tls.key"]);
  if (!fault.empty()) return CliError(fault);
  flags.form.type = "kubernetes.io/tls";
  return CreateSecretOf(command, flags.write, flags.form, data);
}

Result<> RunRegistrySecret(Command& command, const Args& args) {
  SecretFlags flags(command);
  DataFlags from;
  RegistryFlags registry;
  command.FlagEach("from-file", from.files, "A file or folder, with an optional key: key=path.");
  registry.AddTo(command);
  TRY(flags.Parse(command, args));
  if (flags.form.name.empty()) return CliError("name must be specified");
  Data data = TRY(Collect(command.environment(), from, ""));
  if (from.files.empty()) {
    if (registry.username.empty() || registry.password.empty() || registry.server.empty()) {
      return CliError(
          "either --from-file or the combination of --docker-username, --docker-password and "
          "--docker-server is required");
    }
    data.values[".dockerconfigjson"] = registry.ConfigText();
  }
  flags.form.type = "kubernetes.io/dockerconfigjson";
  return CreateSecretOf(command, flags.write, flags.form, data);
}

constexpr Verb kSecretForms[] = {{"docker-registry", &RunRegistrySecret},
                                 {"generic", &RunGenericSecret},
                                 {"tls", &RunTlsSecret}};

}  // namespace

int CreateSecretMain(Environment& environment, const Args& args) {
  return RunFamily(environment, "create secret", kSecretForms, std::size(kSecretForms), args);
}

}  // namespace skiff::cli
