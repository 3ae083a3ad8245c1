import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.formats.avro.registry.confluent.debezium.DebeziumAvroDeserializationSchema;
import org.apache.flink.formats.common.TimestampFormat;
import org.apache.flink.formats.json.canal.CanalJsonDeserializationSchema;
import org.apache.flink.formats.json.debezium.DebeziumJsonDeserializationSchema;
import org.apache.flink.formats.json.maxwell.MaxwellJsonDeserializationSchema;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.util.Collector;
import org.apache.flink.util.SimpleUserCodeClassLoader;
import org.apache.flink.util.UserCodeClassLoader;

/**
 * Arguments: the format, and the address of a schema registry for avro, else anything.
 *
 * <p>What Flink's readers of changes make of messages: one message a line, in base64, comes in; one line for each row of the
 * changelog goes out, its kind and its columns, separated by the unit separator.
 */
public class ChangelogReader {
    private static final String SEPARATOR = "\u001f";

    public static void main(String[] args) throws Exception {
        DeserializationSchema<RowData> reader = reader(args[0], args[1]);
        reader.open(new Context());
        RowData.FieldGetter[] columns = columns(rowType(args[0]));
        Collector<RowData> out = new Collector<RowData>() {
            @Override
            public void collect(RowData row) {
                System.out.println(row.getRowKind().shortString() + SEPARATOR + Arrays.stream(columns)
                        .map(column -> String.valueOf(column.getFieldOrNull(row)))
                        .collect(Collectors.joining(SEPARATOR)));
            }

            @Override
            public void close() {}
        };
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            reader.deserialize(Base64.getDecoder().decode(line), out);
        }
    }

    private static DataType rowType(String format) {
        // Debezium's modes for times are numbers, which Flink reads as such.
        boolean isText = format.equals("canal") || format.equals("maxwell");
        return DataTypes.ROW(
                DataTypes.FIELD("id", DataTypes.BIGINT().notNull()),
                DataTypes.FIELD("name", DataTypes.STRING()),
                DataTypes.FIELD("price", DataTypes.DECIMAL(10, 2)),
                DataTypes.FIELD("at", isText ? DataTypes.TIMESTAMP(3) : DataTypes.BIGINT()));
    }

    private static DeserializationSchema<RowData> reader(String format, String registry) {
        DataType type = rowType(format);
        TypeInformation<RowData> produced = InternalTypeInfo.of(type.getLogicalType());
        switch (format) {
            case "canal":
                return CanalJsonDeserializationSchema.builder(type, List.of(), produced)
                        .setTimestampFormat(TimestampFormat.SQL)
                        .build();
            case "maxwell":
                return new MaxwellJsonDeserializationSchema(
                        type, List.of(), produced, false, TimestampFormat.SQL);
            case "debezium":
                return new DebeziumJsonDeserializationSchema(
                        type, List.of(), produced, false, false, TimestampFormat.SQL);
            case "avro":
                return new DebeziumAvroDeserializationSchema(
                        (RowType) type.getLogicalType(), produced, registry, null, Map.of());
            default:
                throw new IllegalArgumentException(format);
        }
    }

    private static RowData.FieldGetter[] columns(DataType type) {
        RowType row = (RowType) type.getLogicalType();
        RowData.FieldGetter[] columns = new RowData.FieldGetter[row.getFieldCount()];
        for (int i = 0; i < columns.length; i++) {
            columns[i] = RowData.createFieldGetter(row.getTypeAt(i), i);
        }
        return columns;
    }

    private static class Context implements DeserializationSchema.InitializationContext {
        @Override
        public MetricGroup getMetricGroup() {
            return new UnregisteredMetricsGroup();
        }

        @Override
        public UserCodeClassLoader getUserCodeClassLoader() {
            return SimpleUserCodeClassLoader.create(ChangelogReader.class.getClassLoader());
        }
    }
}
