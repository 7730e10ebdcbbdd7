#include "api/openapi/protobuf_message.h"

#include <bit>

namespace skiff::openapi {
namespace {

constexpr uint32_t kVarintType = 0, kFixed64Type = 1, kBytesType = 2;

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

}  // namespace

void AppendBytes(std::string& out, uint32_t number, std::string_view bytes) {
  AppendVarint(out, number << 3 | kBytesType);
  AppendVarint(out, bytes.size());
  out += bytes;
}

std::string Named(std::string_view name, std::string_view value) {
  std::string out;
  AppendBytes(out, 1, name);
  AppendBytes(out, 2, value);
  return out;
}

std::string Wrapped(uint32_t number, std::string_view bytes) {
  std::string out;
  AppendBytes(out, number, bytes);
  return out;
}

std::string MapOf(const Json& object, uint32_t number, std::string (*message)(const Json& value)) {
  std::string out;
  for (const auto& [name, value] : object.items()) {
    AppendBytes(out, number, Named(name, message(value)));
  }
  return out;
}

std::string OrReference(const Json& value, std::string (*message)(const Json& value)) {
  const auto reference = value.find("$ref");
  if (reference != value.end() && reference->is_string()) {
    return Wrapped(2, Wrapped(1, reference->get_ref<const std::string&>()));
  }
  return Wrapped(1, message(value));
}

std::string Any(const Json& value) {
  return Wrapped(2, value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string FlagChoice(bool value) {
  return {2 << 3 | kVarintType, value ? '\1' : '\0'};
}

std::string Message(std::span<const Member> members, uint32_t extensions, const Json& object) {
  std::string out;
  if (!object.is_object()) return out;
  for (const Member& member : members) {
    const auto it = object.find(member.key);
    if (it != object.end()) member.append(out, member.number, *it);
  }
  for (const auto& [key, value] : object.items()) {
    if (key.starts_with("x-")) AppendBytes(out, extensions, Named(key, Any(value)));
  }
  return out;
}

void Text(std::string& out, uint32_t number, const Json& value) {
  if (value.is_string()) AppendBytes(out, number, value.get_ref<const std::string&>());
}

void Flag(std::string& out, uint32_t number, const Json& value) {
  if (!value.is_boolean() || !value.get<bool>()) return;
  AppendVarint(out, number << 3 | kVarintType);
  out += '\1';
}

void Integer(std::string& out, uint32_t number, const Json& value) {
  if (!value.is_number_integer() || value.get<int64_t>() == 0) return;
  AppendVarint(out, number << 3 | kVarintType);
  AppendVarint(out, static_cast<uint64_t>(value.get<int64_t>()));
}

void Number(std::string& out, uint32_t number, const Json& value) {
  if (!value.is_number() || value.get<double>() == 0) return;
  AppendVarint(out, number << 3 | kFixed64Type);
  const auto bits = std::bit_cast<uint64_t>(value.get<double>());
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(bits >> shift);
}

void Texts(std::string& out, uint32_t number, const Json& list) {
  for (const Json& text : list) Text(out, number, text);
}

void AnyField(std::string& out, uint32_t number, const Json& value) {
  AppendBytes(out, number, Any(value));
}

void Anys(std::string& out, uint32_t number, const Json& list) {
  for (const Json& value : list) AnyField(out, number, value);
}

}  // namespace skiff::openapi
