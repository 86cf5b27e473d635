{{/* Airflow's settings for metrics. StatsD goes to the sidecar of each pod if there is one, so that it needs no service. */}}
{{- define "nightjar.monitoring.settings" -}}
{{- $monitoring := .Values.monitoring -}}
{{- if or $monitoring.statsd.host $monitoring.statsd.exporter.enabled }}
AIRFLOW__METRICS__STATSD_ON: "True"
AIRFLOW__METRICS__STATSD_HOST: {{ $monitoring.statsd.exporter.enabled | ternary "127.0.0.1" $monitoring.statsd.host | quote }}
AIRFLOW__METRICS__STATSD_PORT: {{ $monitoring.statsd.exporter.enabled | ternary 9125 $monitoring.statsd.port | int | quote }}
AIRFLOW__METRICS__STATSD_PREFIX: airflow
{{- if $monitoring.statsd.exporter.enabled }}
# One metric with labels (dag_id, task_id, state) instead of a metric for each DAG and task: as InfluxDB writes them,
# which the exporter reads without a mapping.
AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED: "True"
AIRFLOW__METRICS__LEGACY_NAMES_ON: "False"
{{- end }}
{{- else if $monitoring.openTelemetry.host }}
AIRFLOW__METRICS__OTEL_ON: "True"
AIRFLOW__METRICS__OTEL_HOST: {{ $monitoring.openTelemetry.host | quote }}
AIRFLOW__METRICS__OTEL_PORT: {{ $monitoring.openTelemetry.port | int | quote }}
AIRFLOW__METRICS__OTEL_SSL_ACTIVE: {{ $monitoring.openTelemetry.tls | ternary "True" "False" | quote }}
AIRFLOW__METRICS__OTEL_SERVICE: nightjar
AIRFLOW__METRICS__LEGACY_NAMES_ON: "False"
{{- end }}
{{- end -}}

{{/* The sidecar that turns StatsD's lines into a page for Prometheus. */}}
{{- define "nightjar.monitoring.sidecar" -}}
{{- $exporter := .Values.monitoring.statsd.exporter -}}
{{- if $exporter.enabled -}}
- name: statsd-exporter
  image: {{ $exporter.image }}
  imagePullPolicy: {{ .Values.images.pullPolicy }}
  args:
    - --statsd.listen-udp=127.0.0.1:9125
    - --statsd.listen-tcp=
    - --web.listen-address=:9102
  ports:
    - name: metrics
      containerPort: 9102
      protocol: TCP
  livenessProbe:
    httpGet: {path: /-/healthy, port: metrics}
    periodSeconds: 30
    timeoutSeconds: 5
  securityContext: {{ include "nightjar.containerSecurityContext" . | nindent 4 }}
  resources: {{ toYaml $exporter.resources | nindent 4 }}
  volumeMounts: []
{{- end -}}
{{- end -}}
