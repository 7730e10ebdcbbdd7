// `convert`: an object from one encoding into another. Asks no server: the kinds are those of this
// program's schema.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/text/yaml.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

constexpr std::string_view kProtobufMagic("k8s\0", 4);

// As a document: it knows which objects inside the object said their kind.
struct Converted {
  TypeMeta meta;
  const Type* type;
  Json document;
};

Result<std::string> ReadAll(Command& command, const std::string& path) {
  if (path == "-") return command.environment().read_input();
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  std::ifstream file(path, std::ios::binary);
  if (is_folder || !file) {
    const int error = is_folder ? EISDIR : errno;
    return CliError(fmt::format("the path \"{}\" cannot be read: {}", path, std::strerror(error)));
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Result<const Type*> TypeOf(const TypeMeta& meta) {
  const Type* type = FindBuiltInType(meta.api_version, meta.kind);
  if (type == nullptr || !type->type_meta || type->ops == nullptr) {
    return CliError(NoKindRegistered(meta, ""));
  }
  return type;
}

// What the schema does not know, or what is said twice, would be lost: it is refused.
Result<Converted> FromJsonText(std::string_view text) {
  const TypeMeta meta = TRY(PeekTypeMeta(text));
  const Type* type = TRY(TypeOf(meta));
  auto decoded = DecodeJson(*type, text, FieldValidation::kStrict);
  if (!decoded) return CliError(decoded.error().message);
  if (!decoded->strict_errors.empty()) {
    return CliError(
        fmt::format("strict decoding error: {}", fmt::join(decoded->strict_errors, ", ")));
  }
  return Converted{meta, type, std::move(decoded->document)};
}

// Fields that the schema does not know have no name here that could be told: as in Kubernetes'
// own decoder they are passed over.
Result<Converted> FromProtobuf(std::string_view bytes) {
  const auto envelope = TRY(OpenEnvelope(bytes));
  const Type* type = TRY(TypeOf(envelope.type));
  Json document = TRY(DecodeProtobuf(*type, envelope.raw));
  document["kind"] = envelope.type.kind;
  document["apiVersion"] = envelope.type.api_version;
  return Converted{envelope.type, type, std::move(document)};
}

Result<Converted> FromYaml(std::string_view text) {
  const auto documents = TRY(ParseYamlStream(text));
  if (documents.size() != 1) {
    return CliError(fmt::format("one object is converted at a time, not {}", documents.size()));
  }
  const YamlDocument& document = documents[0];
  if (!document.duplicates.empty()) {
    return CliError(fmt::format("strict decoding error: yaml: unmarshal errors:\n  {}",
                                fmt::join(document.duplicates, "\n  ")));
  }
  return FromJsonText(DumpJson(document.value));
}

Result<Converted> Read(std::string_view bytes) {
  if (bytes.starts_with(kProtobufMagic)) return FromProtobuf(bytes);
  // JSON is read as it stands, for YAML would not keep the order of members. A brace begins YAML
  // as well.
  return PeekTypeMeta(bytes) ? FromJsonText(bytes) : FromYaml(bytes);
}

}  // namespace

Result<> RunConvert(Command& command, const Args& args) {
  std::string filename, output = "yaml";
  command.Flag("filename,f", filename, "The file that holds the object; - is standard input.");
  command.Flag("output,o", output, "json, yaml or protobuf.");
  TRY(command.Parse(args));
  if (filename.empty()) return CliError("must specify -f");
  if (!command.words().empty()) return command.UsageError("convert takes no words");
  if (output != "json" && output != "yaml" && output != "protobuf") {
    return command.UsageError(fmt::format(
        "Unexpected -o output mode: {}, the flag 'output' must be one of yaml|json|protobuf",
        output));
  }
  const Converted converted = TRY(Read(TRY(ReadAll(command, filename))));
  const auto& [meta, type, document] = converted;
  command.environment().out(output == "json"   ? EncodeDocument(*type, document) + "\n"
                            : output == "yaml" ? DumpYaml(document)
                                               : EncodeProtobuf(*type, meta, document));
  return {};
}

}  // namespace skiff::cli
