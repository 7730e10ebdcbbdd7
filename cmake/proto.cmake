# proto_library(name folder): the messages and gRPC stubs of every *.proto in the folder, as one
# static library, included as "folder/x.pb.h" and "folder/x.grpc.pb.h". The files ask for protobuf's
# lite runtime. Generated code is built without our warnings, small and without debug information.
find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

function(proto_library name folder)
  file(GLOB protos CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/${folder}/*.proto)
  set(out ${CMAKE_BINARY_DIR}/generated)
  foreach(proto ${protos})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(outputs ${out}/${stem}.pb.h ${out}/${stem}.pb.cc ${out}/${stem}.grpc.pb.h
                ${out}/${stem}.grpc.pb.cc)
    # Every file may import any other of its folder.
    list(TRANSFORM protos PREPEND ${CMAKE_SOURCE_DIR}/ OUTPUT_VARIABLE inputs)
    add_custom_command(OUTPUT ${outputs}
                       COMMAND ${PROTOC} -I ${CMAKE_SOURCE_DIR} --cpp_out=${out} --grpc_out=${out}
                               --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN} ${proto}
                       WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} DEPENDS ${inputs}
                       COMMENT "Generating ${stem}")
    list(APPEND headers ${out}/${stem}.pb.h ${out}/${stem}.grpc.pb.h)
    list(APPEND sources ${out}/${stem}.pb.cc ${out}/${stem}.grpc.pb.cc)
  endforeach()
  file(MAKE_DIRECTORY ${out})
  batched(sources ${name} 1 ${sources})
  add_library(${name} STATIC ${headers} ${sources})
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_compile_definitions(${name} PUBLIC GRPC_USE_PROTO_LITE)
  target_compile_options(${name} PRIVATE -w -Og -g0 -fno-exceptions)
  target_link_libraries(${name} PUBLIC grpc_archives Threads::Threads)
endfunction()
