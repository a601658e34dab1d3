/// The API facts as JSON text; parsed once at first use by the schema engine.
package enum Tables {}
