// The schema files, read and checked. Notation (a file is a group-version):
//
//   apiVersion: apps/v1
//   goPackage: k8s.io/api/apps/v1
//   priority: {group: 17800, version: 15}       # of discovery
//   onRequest: true                             # not served unless it is asked for
//   types:
//     Deployment:                               # a structure
//       kind: {resource: deployments, singular: deployment, scope: Namespaced, short: [deploy],
//              categories: [all], verbs: full, storageKey: x, stored: v1, deleteReturns: object}
//       subresources: {scale: {kind: autoscaling/v1 Scale, verbs: gpu}}
//       selectable: [status.phase]
//       typeMeta: true
//       fields:
//         time: {n: 8, type: Time, omitzero: true}  # by value, but left out when zero
//         uid: {n: 5, type: string, go: types.UID}  # as errors of decoding call its type
//         spec: {n: 2, type: DeploymentSpec, required: true, always: true, list: map, keys: [name],
//                patch: merge, patchKey: name, default: x}
//         inline.Other: {type: Other, n: 2}     # the fields of Other stand here
//     PullPolicy: {enum: [Always, Never]}       # closed; `values:` is open
//     ResourceList: {alias: "map[string]Quantity"}
//     RawThing: {opaque: true}                  # any JSON
//     ParamRef: {same: admissionregistration_v1}  # the type of that name there, struct and texts
//                                                 # with it, under this version's name
//
// What types with fields, and their fields, are for stands in texts/, in a file of the same name:
//
//   Deployment: {about: "...", fields: {spec: "..."}}
//
// Type spellings: bool int32 int64 double string bytes Time MicroTime Duration Quantity IntOrString
// RawExtension FieldsV1 JSON, a type of this file, stem.Type of another, and []T map[string]T *T.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace skiff::compiler {

struct SchemaField {
  std::string json_name;
  std::string cpp_name;
  std::string type;  // Without the leading '*'.
  bool pointer = false;
  int number = 0;
  int inline_number = 0, inline_inner = 0;
  std::string inline_type, go_type;
  bool required = false, always = false, omit_zero = false, keep_empty = false, granular = false,
       atomic = false;
  std::string list;  // atomic, set, map
  std::vector<std::string> keys;
  bool patch_merge = false, patch_retain_keys = false, patch_replace = false;
  std::string patch_key;
  std::string default_json;
  std::string text;  // What it is for.
};

struct SchemaSubresource {
  std::string name, api_version, kind;
  std::vector<std::string> verbs;
};

struct SchemaKind {
  std::string resource, singular, storage_key, storage_version;
  bool namespaced = true, delete_returns_object = false, graceful = false;
  std::vector<std::string> short_names, categories, verbs, selectable;
  std::vector<SchemaSubresource> subresources;
};

struct SchemaType {
  enum class Form { kStruct, kEnum, kAlias, kOpaque };
  std::string name;
  std::string text;  // What it is for. "" without fields.
  Form form = Form::kStruct;
  std::vector<SchemaField> fields;
  std::vector<std::string> values;  // kEnum
  bool closed = false, type_meta = false, atomic = false, message = false;
  std::string alias;  // kAlias
  std::string same;   // kStruct: stem of the file whose struct it is; "": its own.
  std::vector<SchemaKind> kinds;
};

struct SchemaFile {
  std::string stem, api_version, group, version, go_package;
  int group_priority = 0, version_priority = 0;
  bool on_request = false;
  std::vector<SchemaType> types;
  const SchemaType* Find(const std::string& name) const;
};

// By stem. Ends the program with a message that names file and type when something is wrong, as it
// is where a text is missing.
using Schema = std::map<std::string, SchemaFile>;
Schema ReadSchema(const std::vector<std::string>& paths);

// "podIPs" -> "pod_ips"; C++ keywords get a trailing underscore.
std::string CppName(const std::string& json_name);

// Writes <directory>/<stem>.h and .cc for each file, all_kinds.cc and all_texts.cc.
void WriteCode(const Schema& schema, const std::string& directory);

}  // namespace skiff::compiler
