// What is fuzzed: whatever reads bytes that anybody may send. A target is a function of bytes that
// returns when all is well, and ends the process when something is not: a crash, a sanitizer's
// finding, or a promise that does not hold (CHECK).
//
//   e2e/fuzz.sh 60 json yaml       sixty seconds each, guided by coverage (libFuzzer)
//   fuzz_replay json found/json    what once failed, and a corpus, with any compiler
#pragma once

#include <span>
#include <string_view>

namespace skiff::fuzz {

void Head(std::string_view bytes);
void Route(std::string_view bytes);
void Http2(std::string_view bytes);
void Spdy(std::string_view bytes);
void WebSocket(std::string_view bytes);
void JsonText(std::string_view bytes);
void Structs(std::string_view bytes);
void Yaml(std::string_view bytes);
void Protobuf(std::string_view bytes);
void JsonPatchText(std::string_view bytes);
void MergePatchText(std::string_view bytes);
void StrategicPatch(std::string_view bytes);
void ApplyPatch(std::string_view bytes);
void Labels(std::string_view bytes);
void Fields(std::string_view bytes);
void Cel(std::string_view bytes);
void SchemaText(std::string_view bytes);
void CustomText(std::string_view bytes);
void Conversion(std::string_view bytes);
void Admission(std::string_view bytes);
void Options(std::string_view bytes);
void Values(std::string_view bytes);
void JsonPathText(std::string_view bytes);
void GoTemplateText(std::string_view bytes);
void Tokens(std::string_view bytes);
void Certificate(std::string_view bytes);
void SigningRequest(std::string_view bytes);
void KubeconfigText(std::string_view bytes);
void Discovery(std::string_view bytes);
void ProxiedLinks(std::string_view bytes);
void DnsQuery(std::string_view bytes);
void DnsAnswer(std::string_view bytes);
void Compose(std::string_view bytes);
void EnvFile(std::string_view bytes);
void Archive(std::string_view bytes);
void Records(std::string_view bytes);

struct Target {
  std::string_view name;
  void (*run)(std::string_view bytes);
};
std::span<const Target> Targets();
// nullptr: there is none of that name.
const Target* FindTarget(std::string_view name);

}  // namespace skiff::fuzz
