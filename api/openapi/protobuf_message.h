// Messages of the models of OpenAPI documents (gnostic's), written from the documents' JSON: a
// table a message says which key is which field.
//
//   constexpr Member kInfo[] = {{"title", 1, Text}, {"version", 2, Text}};
//   AppendBytes(document, 2, Message(kInfo, 5, json));
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "api/values.h"

namespace skiff::openapi {

// A field of wire type 2: a string or a message.
void AppendBytes(std::string& out, uint32_t number, std::string_view bytes);
// Name and value, as the entries of all maps here.
std::string Named(std::string_view name, std::string_view value);
// A message that holds one field.
std::string Wrapped(uint32_t number, std::string_view bytes);
// A map: its entries are named messages, each a field `number`.
std::string MapOf(const Json& object, uint32_t number, std::string (*message)(const Json& value));
// What is a message, field 1, or a reference to one, field 2, of which nothing but "$ref" is looked
// at.
std::string OrReference(const Json& value, std::string (*message)(const Json& value));
// Any: field 2 is the YAML text of the value; JSON is YAML.
std::string Any(const Json& value);

// A choice whose second field is a flag: said even if it is false.
std::string FlagChoice(bool value);

struct Member {
  std::string_view key;
  uint32_t number;
  // Appends the field.
  void (*append)(std::string& out, uint32_t number, const Json& value);
};

// Keys that begin with "x-" become vendor extensions, a list of names and values in the field
// `extensions`. What is not in the table is left out.
std::string Message(std::span<const Member> members, uint32_t extensions, const Json& object);

// What `append` may be. One that does not find the type that it writes writes nothing.
void Text(std::string& out, uint32_t number, const Json& value);
void Flag(std::string& out, uint32_t number, const Json& value);
void Integer(std::string& out, uint32_t number, const Json& value);
void Number(std::string& out, uint32_t number, const Json& value);
void Texts(std::string& out, uint32_t number, const Json& list);
void AnyField(std::string& out, uint32_t number, const Json& value);
void Anys(std::string& out, uint32_t number, const Json& list);

}  // namespace skiff::openapi
