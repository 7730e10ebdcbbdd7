# schema_tables(folder): runs api/compiler over the schema files and makes `schema_tables`, a part of
# the library `api`: constant tables and typed structs, included as "api/gen/core_v1.h". Tables lead
# to what kinds do (api/kinds), and that to tables: neither links without the other.
function(schema_tables folder)
  file(GLOB schemas CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.yaml)
  file(GLOB texts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/texts/*.yaml)
  file(GLOB compiler_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/api/compiler/*.cc)
  add_executable(schema_compiler ${compiler_sources})
  target_link_libraries(schema_compiler PRIVATE base yaml_archive)
  target_compile_options(schema_compiler PRIVATE -O0)  # It runs once, for a second.
  set(out ${CMAKE_BINARY_DIR}/generated/api/gen)
  set(headers ${out}/tables.h)
  set(tables ${out}/all_kinds.cc ${out}/all_texts.cc)
  foreach(schema ${schemas})
    get_filename_component(stem ${schema} NAME_WE)
    list(APPEND headers ${out}/${stem}.h)
    list(APPEND tables ${out}/${stem}.cc)
  endforeach()
  add_custom_command(OUTPUT ${headers} ${tables} COMMAND schema_compiler ${out} ${schemas}
                     DEPENDS schema_compiler ${schemas} ${texts} COMMENT "Compiling the API schema")
  batched(tables schema_tables 2 ${tables})
  add_library(schema_tables OBJECT ${headers} ${tables})
  target_include_directories(schema_tables PUBLIC ${CMAKE_BINARY_DIR}/generated)
  target_compile_options(schema_tables PRIVATE -Wno-invalid-offsetof -g0)
  target_link_libraries(schema_tables PUBLIC base)
endfunction()
